# The guide's "before": one stage, compilers and pip in it, everything copied.
FROM python:3.11-slim-bookworm
WORKDIR /app
ENV PYTHONUNBUFFERED=1
RUN apt-get update && apt-get install -y build-essential pkg-config libpq-dev libcairo2-dev fonts-dejavu-core
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
EXPOSE 8000
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "cvimprover.wsgi:application"]
