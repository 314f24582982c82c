# One image per service, each with that service, `shared` and the packages of its own lock:
#
#   docker build --target booking .       likewise notification, reporting
#   docker build --target tools .         first set-up and the command line
#   docker build --target mail .          the mail catcher of a stack that sends nothing out
#
# Kept to what BuildKit and the classic builder both know; the classic one builds every stage above its target too.
# Packages come before code, so that a change of the code installs nothing again.

FROM python:3.13-slim AS packages
# Only wheels, so no compiler is needed; pip itself stays outside the environment that it fills.
ENV PIP_NO_CACHE_DIR=1 \
    PIP_REQUIRE_HASHES=1 \
    PIP_ONLY_BINARY=:all: \
    PIP_ROOT_USER_ACTION=ignore \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /locks
RUN python -m venv --without-pip /opt/venv

FROM python:3.13-slim AS base
LABEL org.opencontainers.image.vendor="Amtstermin" \
      org.opencontainers.image.licenses="Apache-2.0"
# Time zones are those of the lock (tzdata), whatever the base image brings.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONTZPATH= \
    AMTSTERMIN_SECRETS_DIR=/run/amtstermin
# A new volume there takes its owner and mode over, also the folder of the host that keeps the journal of erasures.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin amtstermin \
 && install --directory --owner amtstermin --group amtstermin --mode 700 /var/lib/amtstermin
WORKDIR /app

FROM base AS service
COPY deploy/compose/amtstermin /usr/local/bin/amtstermin
COPY deploy/compose/healthy.py /usr/local/lib/healthy.py
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-I", "-S", "/usr/local/lib/healthy.py"]


FROM packages AS booking-packages
COPY requirements/booking.txt .
RUN python -m pip --python /opt/venv/bin/python install --quiet -r booking.txt

FROM service AS booking
LABEL org.opencontainers.image.title="Amtstermin booking" \
      org.opencontainers.image.description="Finds, holds, confirms and moves appointments; web pages and public API"
ENV BOOKING_HOST=0.0.0.0 BOOKING_PORT=8000
COPY --from=booking-packages /opt/venv /opt/venv
COPY deploy/offices deploy/offices
COPY deploy/rabbitmq/definitions.json deploy/rabbitmq/definitions.json
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/booking services/booking
RUN python -m compileall -q shared services
USER 10001:10001
CMD ["python", "-m", "services.booking"]


FROM packages AS notification-packages
COPY requirements/notification.txt .
RUN python -m pip --python /opt/venv/bin/python install --quiet -r notification.txt

FROM service AS notification
LABEL org.opencontainers.image.title="Amtstermin notification" \
      org.opencontainers.image.description="Sends e-mail and SMS for what happens to appointments"
ENV NOTIFICATION_HOST=0.0.0.0 NOTIFICATION_PORT=8000
COPY --from=notification-packages /opt/venv /opt/venv
COPY deploy/rabbitmq/definitions.json deploy/rabbitmq/definitions.json
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/notification services/notification
RUN python -m compileall -q shared services
USER 10001:10001
CMD ["python", "-m", "services.notification"]


FROM packages AS reporting-packages
COPY requirements/reporting.txt .
RUN python -m pip --python /opt/venv/bin/python install --quiet -r reporting.txt

FROM service AS reporting
LABEL org.opencontainers.image.title="Amtstermin reporting" \
      org.opencontainers.image.description="Figures about appointments, without persons; dashboard and API"
ENV REPORTING_HOST=0.0.0.0 REPORTING_PORT=8000
COPY --from=reporting-packages /opt/venv /opt/venv
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/reporting services/reporting
RUN python -m compileall -q shared services
USER 10001:10001
CMD ["python", "-m", "services.reporting"]


FROM base AS tools
LABEL org.opencontainers.image.title="Amtstermin tools" \
      org.opencontainers.image.description="First set-up and the operators' command line"
# All three services: a restore and the doctor ask each of them. Where locks share a package it is the same version.
COPY --from=booking-packages /opt/venv /opt/venv
COPY --from=notification-packages /opt/venv /opt/venv
COPY --from=reporting-packages /opt/venv /opt/venv
COPY deploy/compose/amtstermin /usr/local/bin/amtstermin
COPY deploy/mongo deploy/mongo
COPY deploy/rabbitmq deploy/rabbitmq
COPY deploy/offices deploy/offices
COPY shared shared
COPY services services
RUN python -m compileall -q shared services
USER 10001:10001
ENTRYPOINT ["amtstermin"]
CMD ["--help"]


FROM packages AS mail-packages
COPY requirements/mail.txt .
RUN python -m pip --python /opt/venv/bin/python install --quiet -r mail.txt

FROM base AS mail
LABEL org.opencontainers.image.title="Amtstermin mail catcher" \
      org.opencontainers.image.description="Takes every mail over SMTP and keeps it in a Maildir"
COPY --from=mail-packages /opt/venv /opt/venv
USER 10001:10001
EXPOSE 8025
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-I", "-S", "-c", "import socket; socket.create_connection(('127.0.0.1', 8025), 4)"]
CMD ["python", "-W", "ignore", "-m", "aiosmtpd", "--nosetuid", "--listen", "0.0.0.0:8025", \
     "--class", "aiosmtpd.handlers.Mailbox", "/var/lib/amtstermin/mail"]
