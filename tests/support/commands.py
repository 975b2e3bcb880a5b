"""Our commands, as an operator types them against a deployment."""

from click.testing import CliRunner, Result

from idp.cli import main
from tests.support.deployment import Deployment


def adgang(deployment: Deployment, *words: str, **more: str) -> Result:
    """What `adgang` answers to these words, by the real clock. `more` are settings of this deployment alone."""
    settings = deployment.settings
    environment = {
        "ADGANG_ISSUER": settings.issuer,
        "ADGANG_ENVIRONMENT": "demo",
        "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "true",
        "ADGANG_SECRETS_DIRECTORY": str(settings.secrets_directory),
        "ADGANG_STATE_DIRECTORY": str(settings.state_directory),
        "ADGANG_DATABASE_URL": settings.sql_url,
        "ADGANG_REDIS_URL": settings.redis_url,
        **more,
    }
    return CliRunner(env=environment).invoke(main, list(words))
