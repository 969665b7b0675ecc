from config.settings.base import *

DEBUG = True
SECRET_KEY = "for a developer"
INSTALLED_APPS += ["debug_toolbar"]
