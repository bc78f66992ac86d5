"""E-mail over SMTP: encrypted as configured, or not sent."""

from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

import aiosmtplib

from callguard.config import Settings
from callguard.db.pool import Row
from callguard.domain.channel_texts import how_to_answer, title
from callguard.domain.scoring import AlertLevel
from callguard.errors import DeliveryError, DeliveryRefused

SMTP_SECONDS = 15.0


class Mailer:
    """Sends one message a connection, through the server of the settings."""

    def __init__(self, settings: Settings, host: str) -> None:
        self._host = host
        self._port = settings.smtp_port
        self._security = settings.smtp_security
        self._user = settings.smtp_user
        self._password = settings.smtp_password
        self._sender = settings.smtp_from or ""

    async def send(self, *, to: str, subject: str, body: str, message_id: UUID) -> None:
        """`message_id` is the same at a second attempt, by which mail programs know the message again.

        Raises DeliveryError, or DeliveryRefused where the server will never take it (5xx).
        """
        try:
            message = self._message(to, subject, body, message_id)
        except ValueError:
            raise DeliveryRefused("The e-mail address can't be written to.", code="EMAIL_ADDRESS") from None
        try:
            await aiosmtplib.send(
                message,
                sender=self._sender,
                recipients=[to],
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password.get_secret_value() if self._password else None,
                use_tls=self._security == "tls",
                start_tls=self._security == "starttls",
                timeout=SMTP_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refusal(error.recipients[0].code) from None
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            raise _refusal(error.code) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise DeliveryError(
                f"The mail server did not take a message ({type(error).__name__}). "
                "Check SMTP_HOST, SMTP_PORT, SMTP_SECURITY, SMTP_USER and SMTP_PASSWORD.",
                code="EMAIL_UNREACHABLE",
            ) from None

    def _message(self, to: str, subject: str, body: str, message_id: UUID) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = f"callguard <{self._sender}>"
        message["To"] = to
        message["Subject"] = subject
        message["Message-ID"] = f"<{message_id}@{self._sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notes, please
        message.set_content(body)
        return message


def _refusal(code: int) -> DeliveryError:
    kind = DeliveryRefused if code >= 500 else DeliveryError
    return kind(f"The mail server answered {code} to a message.", code=f"EMAIL_{code}")


class EmailAlerts:
    """An `AlertChannel`. `answer_to` is the number that alerts by SMS come from, if all come from one."""

    def __init__(self, mailer: Mailer, answer_to: str | None) -> None:
        self._mailer = mailer
        self._answer_to = answer_to

    async def send(self, _tenant_id: UUID, alert: Row, text: str) -> str | None:
        if alert["email"] is None:
            raise DeliveryRefused("The contact has no e-mail address any longer.", code="EMAIL_ADDRESS")
        language, number = alert["language"], self._answer_to or alert["twilio_number"]
        await self._mailer.send(
            to=alert["email"],
            subject=title(AlertLevel(alert["level"]), language),
            body=f"{text}\n\n{how_to_answer(number, language)}\n",
            message_id=alert["id"],
        )
        return None
