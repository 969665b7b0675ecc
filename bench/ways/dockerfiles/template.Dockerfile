# Two stages as a project template has them: uv with a cache mount and byte code, the whole folder copied over.
FROM python:3.11-slim-bookworm AS python

FROM python AS python-build-stage
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=0
RUN apt-get update \
 && apt-get install --no-install-recommends -y build-essential pkg-config {development_packages} \
 && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir uv
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements.txt,target=requirements.txt \
    uv venv && uv pip sync requirements.txt
COPY . /app

FROM python AS python-run-stage
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN addgroup --system django \
 && adduser --system --ingroup django django
RUN apt-get update \
 && apt-get install --no-install-recommends -y {runtime_packages} \
 && apt-get purge -y --auto-remove -o APT::AutoRemove::RecommendsImportant=false \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=python-build-stage --chown=django:django /app /app
ENV PATH="/app/.venv/bin:$PATH"
RUN SECRET_KEY=build python manage.py collectstatic --noinput \
 && chown -R django:django /app/staticfiles
USER django
EXPOSE 8000
CMD ["gunicorn", "{application}", "--bind", "0.0.0.0:8000"]
