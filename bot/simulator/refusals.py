"""How Twilio says no: its codes, its words, its shape."""

from __future__ import annotations

from aiohttp import web

#: Twilio's words for its codes; a code that is not here is refused as just that.
SAYS = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    21205: "Url is not a valid URL",
    21210: "'From' phone number not verified",
    21211: "Invalid 'To' Phone Number",
    21217: "Phone number does not appear to be valid",
    21220: "Call is not in-progress. Cannot redirect.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21606: "The 'From' phone number is not a valid, message-capable Twilio phone number for this destination.",
    21609: "The 'StatusCallback' URL is not a valid URL.",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21614: "'To' number is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21704: "The Messaging Service contains no phone numbers",
    21705: "The Messaging Service Sid is invalid",
    22005: "Too many calls are queued",
    30409: "This message cannot be canceled",
    63038: "Account exceeded the daily messages limit",
}
STATUS = {20003: 401, 20404: 404, 20429: 429, 63038: 429}  # every other refusal is a 400


class Refused(Exception):
    """A definite no, with Twilio's code."""

    def __init__(self, code: int) -> None:
        super().__init__(SAYS.get(code, f"Error {code}"))
        self.code = code


def refusal(code: int) -> web.Response:
    """The answer to a refused request; the HTTP status is repeated inside."""
    status = STATUS.get(code, 400)
    more = f"https://www.twilio.com/docs/errors/{code}"
    says = SAYS.get(code, f"Error {code}")
    return web.json_response({"code": code, "message": says, "more_info": more, "status": status}, status=status)
