# One image for `serve` (the default), `worker` and every other command.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/segue
COPY requirements.txt .
RUN /opt/segue/bin/python -m pip install --require-hashes --requirement requirements.txt
COPY app /srv/segue/app
# The root file system may be read-only: everything is compiled here.
RUN /opt/segue/bin/python -m compileall -q /opt/segue/lib /srv/segue/app

FROM python:3.13-slim
# The embedded PostgreSQL asks for the name of its user, so the id needs an account.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin segue \
    && install --directory --owner=segue --group=segue --mode=0700 /data
COPY --from=build /opt/segue /opt/segue
COPY --from=build /srv/segue /srv/segue
COPY deploy/rules /srv/segue/deploy/rules
COPY LICENSE /srv/segue/
ENV PATH=/opt/segue/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SEGUE_DATA_DIR=/data \
    SEGUE_HOST=0.0.0.0 \
    SEGUE_PORT=8080
WORKDIR /srv/segue
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['SEGUE_PORT'] + '/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve"]
