# Written by django-dockertools 0.1.0 (sha256:8ef82f53c196d616d0934902bf86d175e809b10f0e6ca576cabcdb210f6282aa); once edited, it is kept.
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

VENV, LAYERS, LARGE = "/opt/venv", "/opt/layers", 4_000_000  # bytes
LARGE_ONES, SMALL_ONES, DJANGO, REST = (1, 2, 3), (4, 5), 6, 7
site = glob.glob(f"{VENV}/lib/python3*/site-packages")[0]

# What an extension module was compiled from lies beside it, and nothing reads it any more.
for module in glob.glob(f"{site}/**/*.so", recursive=True):
    for suffix in (".c", ".cpp", ".pyx"):
        source = os.path.join(os.path.dirname(module), os.path.basename(module).split(".")[0] + suffix)
        if os.path.isfile(source):
            os.unlink(source)

layer = {}
for distribution in metadata.distributions(path=[site]):
    name = distribution.name.lower()
    paths = [os.path.normpath(os.path.join(site, file)) for file in distribution.files or ()]
    is_large = sum(os.lstat(path).st_size for path in paths if os.path.lexists(path)) > LARGE
    # By its name, so that it stays where it is whatever comes or goes.
    several = LARGE_ONES if is_large else SMALL_ONES
    number = DJANGO if name == "django" else several[zlib.crc32(name.encode()) % len(several)]
    layer.update(dict.fromkeys(paths, number))
for number in range(1, REST + 1):
    os.makedirs(f"{LAYERS}/{number}")
for folder, folders, names in os.walk(VENV):
    linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
    for path in sorted(os.path.join(folder, name) for name in (*names, *linked)):
        target = f"{LAYERS}/{layer.get(path, REST)}{path[len(VENV):]}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.link(path, target, follow_symlinks=False)
SCRIPT

# --- runtime: libraries and user; what all stages below stand on
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
WORKDIR /app

# --- development: the code is mounted over /app, the server reloads on a change
FROM runtime AS development
LABEL stage="development"
COPY --link --from=builder /opt/layers/1 /opt/venv
COPY --link --from=builder /opt/layers/2 /opt/venv
COPY --link --from=builder /opt/layers/3 /opt/venv
COPY --link --from=builder /opt/layers/4 /opt/venv
COPY --link --from=builder /opt/layers/5 /opt/venv
COPY --link --from=builder /opt/layers/6 /opt/venv
COPY --link --from=builder /opt/layers/7 /opt/venv
# Byte code goes where the user may write, not beside the mounted code.
ENV PYTHONDONTWRITEBYTECODE= \
    DJANGO_DEBUG=1 \
    PYTHONPYCACHEPREFIX=/tmp/bytecode
COPY . .
USER 1000:1000
EXPOSE 8000
CMD ["python", "manage.py", "runserver", "0.0.0.0:8000"]

# --- bytecode: of the code and of what it imports, and nothing else; the same files again after most changes of code
FROM runtime AS bytecode
LABEL stage="bytecode"
ARG SOURCE_DATE_EPOCH
ENV DJANGO_SETTINGS_MODULE=cvimprover.settings
COPY . .
# The values are placeholders for this command alone. One mount keeps what was compiled for an
# earlier build. The environment is mounted as well: this need not wait until its layers are copied (with rw BuildKit does not
# read through it first; what is written there is dropped).
RUN --mount=type=cache,id=cvimprover-api-bytecode,target=/var/cache/bytecode \
    --mount=type=bind,from=builder,source=/opt/venv,target=/opt/venv,rw \
    SECRET_KEY=only-for-the-build \
    PYTHONHASHSEED=0 PYTHONPYCACHEPREFIX=/var/cache/bytecode python --check-hash-based-pycs always - cvimprover.wsgi cvimprover.urls <<'SCRIPT'
"""Make byte code of the code and of what it imports; what was made for an earlier build is taken from the mount."""
import importlib, importlib.util, os, pathlib, shutil, subprocess, sys, zlib

CODE, KEPT, LAYERS = "/app/", sys.pycache_prefix, "/bytecode"
OTHERS, DJANGO, OURS = (1, 2), 3, 4
SUFFIX = f".{sys.implementation.cache_tag}.pyc"
COMPILE = """
import py_compile, sys
for source in sys.argv[2:]:
    mode = "CHECKED_HASH" if source.startswith(sys.argv[1]) else "UNCHECKED_HASH"
    py_compile.compile(source, quiet=2, invalidation_mode=py_compile.PycInvalidationMode[mode])
"""
current = set()

def is_current(source):
    """Whether the mount has it. It bears its source's hash instead of a time, so that equal sources give equal files."""
    flags = 3 if source.startswith(CODE) else 1  # at run time Python looks at the hash of code: it may be mounted over
    try:
        with open(source, "rb") as file:
            wanted = importlib.util.MAGIC_NUMBER + bytes((flags, 0, 0, 0)) + importlib.util.source_hash(file.read())
        with open(importlib.util.cache_from_source(source), "rb") as file:
            return file.read(len(wanted)) == wanted
    except FileNotFoundError:
        return False

def refresh(sources):
    """Compile what has changed, by processes of their own: what an interpreter imports leaves traces in its byte code."""
    sources = set(sources) - current
    changed = sorted(source for source in sources if not is_current(source))
    shares = [changed[start :: os.cpu_count()] for start in range(os.cpu_count())]
    python = (sys.executable, "--check-hash-based-pycs", "always", "-c", COMPILE, CODE)
    processes = [subprocess.Popen((*python, *share), cwd="/") for share in shares if share]
    if any([process.wait() for process in processes]):
        sys.exit("Byte code could not be made.")
    current.update(sources.difference(changed), filter(is_current, changed))

def layer(source):
    """Return the layer, by the package's name, so that it stays where it is whatever comes or goes."""
    package = source.partition("/site-packages/")[2].partition("/")[0]
    others = OTHERS[zlib.crc32(package.encode()) % len(OTHERS)]
    return OURS if source.startswith(CODE) else DJANGO if package == "django" else others

kept = [str(path)[len(KEPT) : -len(SUFFIX)] + ".py" for path in pathlib.Path(KEPT).rglob(f"*{SUFFIX}")]
code = [str(path) for path in pathlib.Path(CODE).rglob("*.py") if path.is_file()]
refresh([*filter(os.path.isfile, kept), *code])
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        print(f"{name} cannot be imported here, so that byte code is made at each start: {error!r}", file=sys.stderr)
modules = [module for module in list(sys.modules.values()) if getattr(module, "__cached__", None)]
sources = {module.__file__ for module in modules if module.__file__.endswith(".py") and os.path.isfile(module.__file__)}
sources = {source for source in sources if "__editable__" not in source}  # it is written anew by each build
refresh(sources)
for number in (*OTHERS, DJANGO, OURS):
    os.makedirs(f"{LAYERS}/{number}")
for source in current.intersection((*sources, *code)):
    folder, name = os.path.split(importlib.util.cache_from_source(source))
    target = f"{LAYERS}/{layer(source)}{folder[len(KEPT):]}/__pycache__"
    os.makedirs(target, exist_ok=True)
    shutil.copyfile(f"{folder}/{name}", f"{target}/{name}")
# Docker knows equal files by their content and keeps the times of any of them: without times, equal files are one layer.
for path in pathlib.Path(LAYERS).rglob("*"):
    os.utime(path, (0, 0))
SCRIPT

# --- assembly: the code, and what is made of it
FROM runtime AS assembly
LABEL stage="assembly"
ARG SOURCE_DATE_EPOCH
ENV DJANGO_SETTINGS_MODULE=cvimprover.settings
COPY . .
# The values are placeholders for one command: it needs no secret, and no database.
RUN --mount=type=bind,from=builder,source=/opt/venv,target=/opt/venv,rw \
    --mount=type=cache,id=cvimprover-api-bytecode,target=/var/cache/bytecode \
    --mount=type=cache,id=cvimprover-api-static,target=/var/cache/static \
    SECRET_KEY=only-for-the-build \
    PYTHONHASHSEED=0 PYTHONPYCACHEPREFIX=/var/cache/bytecode python --check-hash-based-pycs always - manage.py collectstatic --noinput --verbosity 0 <<'SCRIPT'
"""Run manage.py; what WhiteNoise compresses is taken from the mount where an earlier build compressed the same."""
import hashlib, os, runpy, sys, threading, zlib
from importlib import metadata

from whitenoise.compress import Compressor

KEPT = "/var/cache/static"
VERSIONS = [found.version for name in ("brotli", "whitenoise") for found in metadata.distributions(name=name)]

def keep(method):
    """Return the method with a memory: the same bytes are compressed into the same bytes by the same versions."""
    salt = f"{method.__name__} {VERSIONS} {zlib.ZLIB_RUNTIME_VERSION}".encode()

    def compress(data):
        path = f"{KEPT}/{hashlib.sha256(salt + data).hexdigest()}"
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            compressed = method(data)
        partial = f"{path}.{os.getpid()}.{threading.get_ident()}"
        with open(partial, "wb") as file:
            file.write(compressed)
        os.replace(partial, path)
        return compressed

    return staticmethod(compress)

for name in ("compress_brotli", "compress_gzip"):
    setattr(Compressor, name, keep(getattr(Compressor, name)))
sys.argv = sys.argv[1:]
sys.path[0] = os.getcwd()
runpy.run_path(os.path.abspath("manage.py"), run_name="__main__")
SCRIPT

# --- production: environment and code over the libraries, owned by root; the server as PID 1
FROM runtime AS production
LABEL stage="production" \
      io.dockertools.project="cvimprover-api" \
      org.opencontainers.image.title="cvimprover-api"
ENV DJANGO_SETTINGS_MODULE=cvimprover.settings
# What changes more often comes later: the engine unpacks a changed layer and all above it.
COPY --link --from=builder /opt/layers/1 /opt/venv
COPY --link --from=builder /opt/layers/2 /opt/venv
COPY --link --from=builder /opt/layers/3 /opt/venv
COPY --link --from=bytecode /bytecode/1 /
COPY --link --from=bytecode /bytecode/2 /
COPY --link --from=builder /opt/layers/4 /opt/venv
COPY --link --from=builder /opt/layers/5 /opt/venv
COPY --link --from=builder /opt/layers/6 /opt/venv
COPY --link --from=bytecode /bytecode/3 /
COPY --link --from=builder /opt/layers/7 /opt/venv
COPY --link --from=bytecode /bytecode/4 /
COPY --link --from=assembly /app /app
USER 1000:1000
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --start-interval=1s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "--config", "gunicorn.conf.py", "cvimprover.wsgi:application"]
