# One image for `serve` (the default), `worker` and every other command. `make pin` writes the digests of the base image.
# /metrics, /api, /-/ and /docs are on port 9090, which a worker has as well; /srv/segue/sbom.cdx.json is the list of parts.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/segue && python -m venv /opt/sbom
COPY requirements.txt requirements-sbom.txt ./
RUN /opt/segue/bin/python -m pip install --require-hashes --requirement requirements.txt
RUN /opt/sbom/bin/python -m pip install --require-hashes --requirement requirements-sbom.txt
COPY app /srv/segue/app
COPY deploy/sbom.py /srv/segue/deploy/
# The list of parts of what was installed above; the tool that makes it stays behind.
RUN /opt/sbom/bin/python /srv/segue/deploy/sbom.py /opt/segue/bin/python /srv/segue/sbom.cdx.json \
    && rm -r /srv/segue/deploy
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
    SEGUE_PORT=8080 \
    SEGUE_ADMIN_PORT=9090
WORKDIR /srv/segue
USER 10001:10001
VOLUME /data
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-m", "app.cli.health"]
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve"]
