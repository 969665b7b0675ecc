# The last stage is production, so that a bare `docker build .` is safe to run.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# --- builder: compilers and uv; nothing of this stage ships but /opt/venv -------------------------------------------
FROM ${BASE_IMAGE} AS builder
LABEL stage="builder"
# Packages stay in the cache mounts instead of the layer; docker-clean would empty them after each run.
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
 && apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev libcairo2-dev libpq-dev pkg-config
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    VIRTUAL_ENV=/opt/venv
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --root-user-action=ignore uv==0.13.9 \
 && uv venv /opt/venv
# Only the pinned requirements are seen here: a change of code does not install them again.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt \
    uv pip install --require-hashes --requirement /tmp/requirements.txt \
 && uv pip freeze > /opt/venv/requirements.lock
# LANGUAGES offers English alone; shared objects carry symbols that only a debugger reads; uv's lock is for everybody
# to write.
RUN rm /opt/venv/.lock \
 && find /opt/venv -path '*/locale/*' -name '*.[mp]o' -not -path '*/locale/en/*' -delete \
 && find /opt/venv -name '*.so' -exec strip --strip-unneeded {} +

# --- runtime: libraries, user and environment; what development and production share --------------------------------
FROM ${BASE_IMAGE} AS runtime
LABEL stage="runtime"
# libpq5 for psycopg[c], libcairo2 for pycairo, the fonts that PDFs are set in.
RUN --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update \
 && apt-get install --yes --no-install-recommends fonts-dejavu-core libcairo2 libpq5 \
 && rm -rf /var/cache/apt/* /var/cache/ldconfig/aux-cache /var/log/apt /var/log/dpkg.log
# What installs packages has no place where nothing is installed any more.
RUN pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel \
 && groupadd --gid 1000 django \
 && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin django \
 && install --directory --owner 1000 --group 1000 /data
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CVIMPROVER_DATA=/data
COPY --link --from=builder /opt/venv /opt/venv
WORKDIR /app

# --- development: the code is mounted over /app, the server reloads on a change --------------------------------------
FROM runtime AS development
LABEL stage="development"
ENV DJANGO_DEBUG=1
COPY . .
USER 1000:1000
EXPOSE 8000
CMD ["python", "manage.py", "runserver", "0.0.0.0:8000"]

# --- production: code baked in and owned by root, gunicorn as PID 1 --------------------------------------------------
FROM runtime AS production
LABEL stage="production" \
      io.dockertools.project="cvimprover-api" \
      org.opencontainers.image.title="CVImprover" \
      org.opencontainers.image.description="Takes CVs in, gives suggestions and a PDF out" \
      org.opencontainers.image.licenses="MIT"
COPY . .
# Neither needs a secret or a database. Byte code is made now: at run time the folder cannot be written.
RUN python manage.py collectstatic --noinput --verbosity 0 \
 && python -m compileall -q cvimprover dockertools
USER 1000:1000
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --start-interval=1s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "--config", "gunicorn.conf.py", "cvimprover.wsgi:application"]
