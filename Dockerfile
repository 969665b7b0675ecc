# Written by django-dockertools 0.1.0 (sha256:a556e5a05ffe5b6949b0a43dcf01220cfa534aff256b140e96c448a86a121af3); once edited, it is kept.
# The last stage is production, so that a bare `docker build .` is safe to run.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# --- builder: compilers and uv; nothing of this stage ships but /opt/venv, as the layers in /opt/layers
FROM ${BASE_IMAGE} AS builder
LABEL stage="builder"
ARG SOURCE_DATE_EPOCH
# Packages stay in the cache mounts instead of the layer; docker-clean would empty them after each run.
# The suite is pinned, and its security updates are wanted.
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
 && apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev libcairo2-dev libpq-dev pkg-config
# Debug information holds the name of a build folder that is another one each time, and strip takes it out anyway.
ENV CFLAGS=-g0 \
    CXXFLAGS=-g0
ENV UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    VIRTUAL_ENV=/opt/venv
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --root-user-action=ignore uv==0.13.9 \
 && uv venv /opt/venv
# Only the requirements are seen here: a change of code does not install them again.
# Such a list leaves setuptools out: where something needs it, it is this one, whose hash is known.
# Locale files of the languages that the project offers stay.
# Shared objects carry symbols that only a debugger reads. Those in *.libs are left alone: their wheels have rewritten
# them in ways that strip does not know.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements.txt,target=requirements.txt \
    echo "setuptools==80.9.0 --hash=sha256:062d34222ad13e0cc312a4c02d73f059e86a4acbfbdea8f8f76b28c99f306922" > /tmp/setuptools.txt \
 && uv pip install --require-hashes --constraint /tmp/setuptools.txt --requirement requirements.txt \
 && uv pip freeze --exclude-editable > /opt/venv/requirements.lock \
 && rm -f /opt/venv/.lock \
 && find /opt/venv -path '*/locale/*' -name '*.[mp]o' -not -path '*/locale/en/*' -delete \
 && find /opt/venv -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded {} + \
 && python <<'SCRIPT'
"""Part /opt/venv into layers, as links: a package that changes leaves those that are not its own as they were."""
import glob, os, zlib
from importlib import metadata

VENV, LAYERS = "/opt/venv", "/opt/layers"
LARGE, LAST = 4_000_000, 4  # bytes; what is smaller shares the last layer with all else
site = glob.glob(f"{VENV}/lib/python3*/site-packages")[0]

# What an extension module was compiled from lies beside it, and nothing reads it any more.
for module in glob.glob(f"{site}/**/*.so", recursive=True):
    for suffix in (".c", ".cpp", ".pyx"):
        source = os.path.join(os.path.dirname(module), os.path.basename(module).split(".")[0] + suffix)
        if os.path.isfile(source):
            os.unlink(source)

layer = {}
for distribution in metadata.distributions(path=[site]):
    paths = [os.path.normpath(os.path.join(site, file)) for file in distribution.files or ()]
    if sum(os.lstat(path).st_size for path in paths if os.path.lexists(path)) > LARGE:
        # By its name alone, so that it stays where it is whatever comes or goes.
        layer.update(dict.fromkeys(paths, 1 + zlib.crc32(distribution.name.lower().encode()) % (LAST - 1)))
for number in range(1, LAST + 1):
    os.makedirs(f"{LAYERS}/{number}")
for folder, folders, names in os.walk(VENV):
    linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
    for path in sorted(os.path.join(folder, name) for name in (*names, *linked)):
        target = f"{LAYERS}/{layer.get(path, LAST)}{path[len(VENV):]}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.link(path, target, follow_symlinks=False)
    if not folders and not names:
        os.makedirs(f"{LAYERS}/{LAST}{folder[len(VENV):]}", exist_ok=True)
SCRIPT

# --- runtime: libraries, user and environment; what development and production share
FROM ${BASE_IMAGE} AS runtime
LABEL stage="runtime"
ARG SOURCE_DATE_EPOCH
# libcairo2 for pycairo, libpq5 for psycopg-c
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update \
 && apt-get install --yes --no-install-recommends libcairo2 libpq5 fonts-dejavu-core \
 && rm -rf /var/cache/apt/* /var/cache/ldconfig/aux-cache /var/log/apt /var/log/*.log
# What installs packages has no place where nothing is installed any more.
RUN pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel \
 && groupadd --gid 1000 django \
 && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin django \
 && install --directory --owner 1000 --group 1000 /data
ENV PATH=/opt/venv/bin:$PATH \
    CVIMPROVER_DATA=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --link --from=builder /opt/layers/1 /opt/venv
COPY --link --from=builder /opt/layers/2 /opt/venv
COPY --link --from=builder /opt/layers/3 /opt/venv
COPY --link --from=builder /opt/layers/4 /opt/venv
WORKDIR /app

# --- development: the code is mounted over /app, the server reloads on a change
FROM runtime AS development
LABEL stage="development"
# Byte code goes where the user may write, not beside the mounted code.
ENV PYTHONDONTWRITEBYTECODE= \
    DJANGO_DEBUG=1 \
    PYTHONPYCACHEPREFIX=/tmp/bytecode
COPY . .
USER 1000:1000
EXPOSE 8000
CMD ["python", "manage.py", "runserver", "0.0.0.0:8000"]

# --- bytecode: of what the application imports, and nothing else; the same files again after most changes of code
FROM runtime AS bytecode
LABEL stage="bytecode"
ARG SOURCE_DATE_EPOCH
ENV DJANGO_SETTINGS_MODULE=cvimprover.settings
COPY . .
# The values are placeholders for this command alone. The mount keeps what was compiled for an earlier build.
RUN --mount=type=cache,id=cvimprover-api-bytecode,target=/var/cache/bytecode \
    SECRET_KEY=only-for-the-build \
    PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE='' PYTHONPYCACHEPREFIX=/var/cache/bytecode python <<'SCRIPT'
import importlib, os, pathlib, subprocess, sys

COMPILE = """
import importlib.util, os, py_compile, shutil, sys
sys.pycache_prefix, hashed = None, py_compile.PycInvalidationMode.UNCHECKED_HASH
for source in sys.argv[1:]:
    path = importlib.util.cache_from_source(source)
    kept, target, found = f"/var/cache/bytecode/hashed{path}", f"/bytecode{path}", b""
    with open(source, "rb") as file:
        wanted = importlib.util.MAGIC_NUMBER + bytes((1, 0, 0, 0)) + importlib.util.source_hash(file.read())
    if os.path.exists(kept):
        with open(kept, "rb") as file:
            found = file.read(len(wanted))
    if found != wanted:
        py_compile.compile(source, kept, doraise=True, invalidation_mode=hashed)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(kept, target)
"""
for name in ('cvimprover.wsgi', 'cvimprover.urls'):
    try:
        importlib.import_module(name)
    except Exception as error:
        print(f"{name} cannot be imported here, so that byte code is made at each start: {error!r}", file=sys.stderr)
modules = [module for module in list(sys.modules.values()) if getattr(module, "__cached__", None)]
sources = sorted({module.__file__ for module in modules if module.__file__.endswith(".py") and os.path.isfile(module.__file__)})
sources = [source for source in sources if not source.startswith("/app/")]
folder = pathlib.Path("/bytecode")
folder.mkdir()
# By processes of their own: what an interpreter has imported leaves traces in the byte code that it makes. It bears
# the hash of its source instead of a time, so that the same source gives the same file.
shares = [sources[start :: os.cpu_count()] for start in range(os.cpu_count())]
processes = [subprocess.Popen((sys.executable, "-c", COMPILE, *share), cwd="/") for share in shares]
if any([process.wait() for process in processes]):
    sys.exit("Byte code could not be made.")
# Docker knows equal files by their content and keeps the times of any of them: without times, equal files are one layer.
for path in folder.rglob("*"):
    os.utime(path, (0, 0))
SCRIPT

# --- production: code baked in and owned by root, the server as PID 1
FROM runtime AS production
LABEL stage="production" \
      io.dockertools.project="cvimprover-api" \
      org.opencontainers.image.title="cvimprover-api"
ARG SOURCE_DATE_EPOCH
ENV DJANGO_SETTINGS_MODULE=cvimprover.settings
COPY . .
# The values are placeholders for one command: it needs no secret, and no database.
# At run time nobody may write here, so that byte code is made now; that of other packages comes below.
RUN --mount=type=cache,id=cvimprover-api-bytecode,target=/var/cache/bytecode \
    SECRET_KEY=only-for-the-build \
    PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE='' PYTHONPYCACHEPREFIX=/var/cache/bytecode python manage.py collectstatic --noinput --verbosity 0 \
 && PYTHONHASHSEED=0 python -m compileall -q -f --invalidation-mode checked-hash /app
COPY --link --from=bytecode /bytecode /
USER 1000:1000
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --start-interval=1s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "--config", "gunicorn.conf.py", "cvimprover.wsgi:application"]
