"""Charts as SVG, drawn here: for the dashboard, the résumé as page, and the résumé as PDF."""

from services.reporting.charts.drawing import Chart, Kind, Line, svg

__all__ = ["Chart", "Kind", "Line", "svg"]
