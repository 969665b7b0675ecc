# The same after its user has found out what the requirements need: compilers and libraries by hand, in the one stage.
ARG PYTHON_VERSION=3.11
FROM python:${PYTHON_VERSION}-slim-bookworm AS base
ENV PYTHONDONTWRITEBYTECODE=1
ENV PYTHONUNBUFFERED=1
WORKDIR /app
ARG UID=10001
RUN adduser --disabled-password --gecos "" --home "/nonexistent" --shell "/sbin/nologin" --no-create-home \
    --uid "${UID}" appuser
RUN apt-get update \
 && apt-get install -y --no-install-recommends {needed_packages} \
 && rm -rf /var/lib/apt/lists/*
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=requirements.txt,target=requirements.txt \
    python -m pip install -r requirements.txt
COPY . .
RUN SECRET_KEY=build python manage.py collectstatic --noinput
USER appuser
EXPOSE 8000
CMD gunicorn '{application}' --bind=0.0.0.0:8000
