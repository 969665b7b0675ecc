import os

SECRET_KEY = os.environ.get('SECRET_KEY', 'x')
ROOT_URLCONF = 'config.urls'
