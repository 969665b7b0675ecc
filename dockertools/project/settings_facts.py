"""Settings as facts: from the loaded settings where they are those of production, else from the source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import global_settings, settings

from dockertools.project.evaluate import GAP, UNKNOWN, FromEnvironment, plain
from dockertools.project.facts import DatabaseFacts, Note, SettingsFacts, UrlFacts
from dockertools.project.layout import Layout
from dockertools.project.settings_source import SettingsSource, read_settings_source

_ENGINES = {
    "django.db.backends.postgresql": "postgresql",
    "django.db.backends.postgresql_psycopg2": "postgresql",
    "django.contrib.gis.db.backends.postgis": "postgis",
    "django.db.backends.mysql": "mysql",
    "django.contrib.gis.db.backends.mysql": "mysql",
    "django.db.backends.sqlite3": "sqlite",
    "django.contrib.gis.db.backends.spatialite": "spatialite",
    "django.db.backends.oracle": "oracle",
    "django_prometheus.db.backends.postgresql": "postgresql",
    "django_prometheus.db.backends.postgis": "postgis",
    "django_prometheus.db.backends.mysql": "mysql",
    "dj_db_conn_pool.backends.postgresql": "postgresql",
    "dj_db_conn_pool.backends.mysql": "mysql",
}
_SCHEMES = {
    "postgres": "postgresql", "postgresql": "postgresql", "psql": "postgresql", "pgsql": "postgresql",
    "postgis": "postgis", "mysql": "mysql", "mysql2": "mysql", "mysqlgis": "mysql", "mariadb": "mysql",
    "sqlite": "sqlite", "sqlite3": "sqlite", "spatialite": "spatialite", "oracle": "oracle",
}  # fmt: skip
_CACHE_SCHEMES = {
    "django.core.cache.backends.redis.RedisCache": "redis",
    "django_redis.cache.RedisCache": "redis",
    "django.core.cache.backends.memcached.PyMemcacheCache": "memcached",
    "django.core.cache.backends.memcached.PyLibMCCache": "memcached",
    "channels_redis.core.RedisChannelLayer": "redis",
    "channels_redis.pubsub.RedisPubSubChannelLayer": "redis",
}
_NO_DATABASE = "django.db.backends.dummy"
_URL_SETTINGS = (
    "CELERY_BROKER_URL", "BROKER_URL", "CELERY_RESULT_BACKEND", "REDIS_URL", "DRAMATIQ_BROKER", "RQ_QUEUES", "HUEY",
    "Q_CLUSTER",
)  # fmt: skip
_LOCALE_MIDDLEWARE = "django.middleware.locale.LocaleMiddleware"
_NAMES = ("INSTALLED_APPS", "MIDDLEWARE", "LANGUAGES", "LANGUAGE_CODE", "STATIC_ROOT", "MEDIA_ROOT", "USE_I18N")
_LIVE_NAMES = (
    *_NAMES,
    "DATABASES",
    "WSGI_APPLICATION",
    "ASGI_APPLICATION",
    "ROOT_URLCONF",
    "STORAGES",
    "CELERY_BEAT_SCHEDULE",
)


def inspect_settings(layout: Layout) -> tuple[SettingsFacts, tuple[Note, ...]]:
    """Return what the settings say.

    The source is read in any case: only it tells which variables are read, and what they are for.
    """
    module = layout.settings_module
    if module is None:
        return _make_facts(layout, SettingsSource(layout.root), {}), (
            Note("no settings module is known; Django's defaults are assumed"),
        )
    source = read_settings_source(layout.root, layout.search_path, module)
    facts = _make_facts(layout, source, _live_values(module))
    return facts, (*source.notes, *_unread(facts, source))


def _unread(facts: SettingsFacts, source: SettingsSource) -> Iterator[Note]:
    """Yield what the settings hold and nobody can tell without running them."""
    if "DATABASES" in source.names and not facts.databases and plain(source.names["DATABASES"]) != {}:
        yield Note("DATABASES is not known before the settings run", facts.path or "")
    if "INSTALLED_APPS" in source.names and facts.installed_apps is None:
        yield Note("INSTALLED_APPS is not known before the settings run", facts.path or "")


def _live_values(module: str) -> dict[str, Any]:
    """Return the loaded settings, nothing when they are not those of the module."""
    if getattr(settings, "SETTINGS_MODULE", None) != module:
        return {}
    return {name: getattr(settings, name) for name in dir(settings) if name in _LIVE_NAMES and _is_set(name)}


def _is_set(name: str) -> bool:
    """Tell whether the project sets it, so that a default of Django's does not count as its choice."""
    return name in ("INSTALLED_APPS", "MIDDLEWARE") or getattr(settings, name) != getattr(global_settings, name, None)


def _make_facts(layout: Layout, source: SettingsSource, live: Mapping[str, Any]) -> SettingsFacts:
    values = {name: plain(value) for name, value in source.names.items()} | dict(live)
    urls = tuple(_urls(source.names))
    return SettingsFacts(
        module=layout.settings_module,
        path=source.relative(source.files[0]) if source.files else None,
        is_live=bool(live),
        installed_apps=_texts(values.get("INSTALLED_APPS")),
        middleware=_texts(values.get("MIDDLEWARE")) or (),
        databases=_databases(source, live),
        urls=urls,
        languages=_languages(values, layout),
        static_root=_folder(layout, values.get("STATIC_ROOT")),
        media_root=_folder(layout, values.get("MEDIA_ROOT")),
        wsgi_application=_text(values.get("WSGI_APPLICATION")),
        asgi_application=_text(values.get("ASGI_APPLICATION")),
        root_urlconf=_text(values.get("ROOT_URLCONF")),
        has_beat_schedule=bool(values.get("CELERY_BEAT_SCHEDULE")),
        logs_gunicorn=_logs_gunicorn(plain(source.names.get("LOGGING"))),
        variables=tuple(source.variables[name] for name in sorted(source.variables)),
        read_files=_read_files(layout, source),
    )


def _logs_gunicorn(logging: Any) -> bool:
    loggers = plain(logging.get("loggers")) if isinstance(logging, dict) else None
    return isinstance(loggers, dict) and any(str(name).startswith("gunicorn") for name in loggers)


def _read_files(layout: Layout, source: SettingsSource) -> tuple[str, ...]:
    """Return the documents of the project that the source names."""
    paths = {folder / word.lstrip("/") for folder in layout.search_path for word in source.words}
    return tuple(sorted({source.relative(path) for path in paths if path.is_file()}))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, (list, tuple)):
        return None
    return tuple(item for item in value if isinstance(item, str))


def _folder(layout: Layout, value: Any) -> str | None:
    """Return the folder relative to the root, absolute when it lies elsewhere."""
    if not isinstance(value, (str, Path)) or not str(value):
        return None
    path = layout.root / (Path(layout.manage).parent if layout.manage else "") / value
    return path.relative_to(layout.root).as_posix() if path.is_relative_to(layout.root) else path.as_posix()


def _languages(values: Mapping[str, Any], layout: Layout) -> tuple[str, ...] | None:
    """Return the languages that a visitor can be answered in, None for all that Django knows.

    Without LANGUAGES and LocaleMiddleware only LANGUAGE_CODE is used, unless the code chooses a language itself.
    """
    code = values.get("LANGUAGE_CODE")
    default = code if isinstance(code, str) and code else "en-us"
    languages = values.get("LANGUAGES")
    if isinstance(languages, (list, tuple)) and languages:
        codes = [entry[0] for entry in languages if isinstance(entry, (list, tuple)) and entry]
        return tuple(dict.fromkeys([default, *(code for code in codes if isinstance(code, str))]))
    if values.get("USE_I18N") is False:
        return (default,)
    middleware = _texts(values.get("MIDDLEWARE"))
    if middleware is None or _LOCALE_MIDDLEWARE in middleware or _chooses_languages(layout):
        return None
    return (default,)


def _chooses_languages(layout: Layout) -> bool:
    folder = layout.root / (Path(layout.manage).parent if layout.manage else "")
    return any(
        b"translation.activate" in text or b"translation.override" in text or b"import activate" in text
        for text in (path.read_bytes() for path in _python_files(folder))
    )


def _python_files(folder: Path) -> Iterable[Path]:
    return (
        path
        for path in folder.rglob("*.py")
        if path.is_file() and not {"site-packages", "node_modules"} & set(path.parts) and not _is_hidden(path, folder)
    )


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _databases(source: SettingsSource, live: Mapping[str, Any]) -> tuple[DatabaseFacts, ...]:
    """Return what the source declares, a URL in the environment, or else what the loaded settings have."""
    found = list(_declared(plain(source.names.get("DATABASES"))))
    if not found or all(database.engine == "" for database in found):
        by_variable = [_by_variable(source, found)] if _database_variable(source) else []
        found = by_variable or list(_declared(live.get("DATABASES"))) or found
    return tuple(database for database in found if database.engine)


def _declared(value: Any) -> Iterator[DatabaseFacts]:
    for alias, entry in (value if isinstance(value, dict) else {}).items():
        yield _database(str(alias), entry)


def _database_variable(source: SettingsSource) -> str | None:
    return next((name for name, found in sorted(source.variables.items()) if found.kind == "database"), None)


def _by_variable(source: SettingsSource, found: list[DatabaseFacts]) -> DatabaseFacts:
    """Return the database that a helper of the project makes from a URL in the environment."""
    variable = _database_variable(source) or ""
    return DatabaseFacts(found[0].alias if found else "default", "url", {"URL": variable})


def _database(alias: str, value: Any) -> DatabaseFacts:
    if isinstance(value, FromEnvironment):
        return DatabaseFacts(alias, _engine_of_url(plain(value)), {"URL": value.name})
    if not isinstance(value, dict):
        return DatabaseFacts(alias, "")
    backend = plain(value.get("ENGINE", ""))
    variables = {
        key: value[key].name
        for key in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
        if isinstance(value.get(key), FromEnvironment)
    }
    name, host = plain(value.get("NAME")), plain(value.get("HOST"))
    return DatabaseFacts(
        alias,
        _engine(backend) if isinstance(backend, str) else "",
        variables,
        str(name) if isinstance(name, (str, Path)) else None,
        host if isinstance(host, str) else None,
    )


def _engine(backend: str) -> str:
    """Return the engine, empty where a part of the name is not known."""
    return "" if GAP in backend or backend == _NO_DATABASE else _ENGINES.get(backend, backend)


def _engine_of_url(url: Any) -> str:
    scheme = urlsplit(url).scheme if isinstance(url, str) else ""
    return _SCHEMES.get(scheme, "url")


def _urls(names: Mapping[str, Any]) -> Iterable[UrlFacts]:
    for setting in _URL_SETTINGS:
        if (value := names.get(setting, UNKNOWN)) is not UNKNOWN:
            yield from _url(setting, value)
    for setting, key in (("CACHES", "LOCATION"), ("CHANNEL_LAYERS", "CONFIG")):
        entries = plain(names.get(setting))
        for entry in entries.values() if isinstance(entries, dict) else ():
            yield from _cache(setting, entry, key)


def _cache(setting: str, entry: Any, key: str) -> Iterable[UrlFacts]:
    if isinstance(entry, FromEnvironment):
        yield from _url(setting, entry, "redis")
        return
    if not isinstance(entry, dict):
        return
    scheme = _CACHE_SCHEMES.get(str(plain(entry.get("BACKEND"))), "")
    location = entry.get(key)
    if isinstance(location, dict):
        location = location.get("hosts")
    location = location[0] if isinstance(location, list) and location else location
    yield from _url(setting, location, scheme)


def _url(setting: str, value: Any, scheme: str = "") -> Iterable[UrlFacts]:
    default = plain(value)
    text = default if isinstance(default, str) else None
    found = urlsplit(text).scheme if text and "://" in text else ""
    variable = value.name if isinstance(value, FromEnvironment) else None
    if scheme or found or variable:
        yield UrlFacts(setting, scheme or found, variable, text)
