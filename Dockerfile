# The provider, and the demo's services, in one image. Built from the locked, hash-checked dependencies.
FROM python:3.11-slim AS build
WORKDIR /srv/adgang
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/adgang
ENV PATH=/opt/adgang/bin:$PATH
COPY requirements.txt .
RUN pip install --require-hashes --prefer-binary -r requirements.txt
COPY . .
RUN pip install --no-deps --no-build-isolation --editable . \
 && pybabel compile --directory idp/translations \
 && python -m compileall -q idp keys mfa clients_registry demo migrations

FROM python:3.11-slim
COPY --from=build /opt/adgang /opt/adgang
COPY --from=build /srv/adgang /srv/adgang
WORKDIR /srv/adgang
ENV PATH=/opt/adgang/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# The directories exist with their owner, so that new volumes take it over.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin adgang \
 && install -d -m 0700 -o adgang -g adgang /run/adgang /run/adgang/secrets /run/adgang/database /run/adgang/demo \
 && install -d -m 0755 -o adgang -g adgang /run/adgang/tls /var/lib/adgang \
 && chmod 0755 /run/adgang
USER adgang
EXPOSE 8000
CMD ["adgang", "serve"]
