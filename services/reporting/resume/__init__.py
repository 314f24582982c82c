"""The résumé of a period: text, charts and tables made from the figures, as page and as tagged PDF."""

from services.reporting.resume.building import Resume, build
from services.reporting.resume.rendering import as_html, as_pdf

__all__ = ["Resume", "as_html", "as_pdf", "build"]
