//! aiosmtpd with SMTPUTF8: a mail to a non-ASCII address.

use std::fs;

use serde_json::json;

use super::{PASSWORD, Server, USER, accounts, path, send, without_trace};
use crate::support::Authority;

/// The server's program. It writes each message to the file `message`, and its envelope to `envelope`.
const PROGRAM: &str = r#"
import asyncio, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

folder, user, password, starttls, implicit = sys.argv[1:]

class Keep:
    async def handle_DATA(self, server, session, envelope):
        with open(folder + "/envelope", "w", encoding="utf-8") as file:
            json.dump({"to": envelope.rcpt_tos, "utf8": envelope.smtp_utf8}, file)
        with open(folder + "/message", "wb") as file:
            file.write(envelope.original_content)
        return "250 OK queued as 1"

def login(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (user.encode(), password.encode())
    return AuthResult(success=right, handled=False)

async def serve():
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder + "/server.pem", folder + "/server.key")
    loop = asyncio.get_running_loop()
    common = dict(enable_SMTPUTF8=True, authenticator=login, auth_required=True)
    await loop.create_server(
        lambda: SMTP(Keep(), tls_context=tls, require_starttls=True, **common), "127.0.0.1", int(starttls))
    await loop.create_server(
        lambda: SMTP(Keep(), auth_require_tls=False, **common), "127.0.0.1", int(implicit), ssl=tls)
    await asyncio.Event().wait()

asyncio.run(serve())
"#;

fn start(authority: &Authority) -> Server {
    let mut server = Server::new();
    authority.write_pair("localhost", server.root());
    let program = server.write("server.py", PROGRAM).display().to_string();
    let folder = server.root().display().to_string();
    let ports = [server.starttls.to_string(), server.implicit.to_string()];
    // The system's Python, which Debian's package belongs to.
    server.spawn("/usr/bin/python3", &[&program, &folder, USER, PASSWORD, &ports[0], &ports[1]]);
    server.wait();
    server
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python3-aiosmtpd; .ci/run installs it and runs it"]
async fn aiosmtpd_accepts_mail_to_non_ascii_addresses() {
    let authority = Authority::new();
    let server = start(&authority);
    let ways = server.ways(&["plain", "login", "auto"]);
    let line = accounts(&authority, &ways);
    let mail = json!({
        "to": "Jörg <jörg@example.net>", "subject": "Größe", "text": ".\n..\nFrom here\n", "html": "<p>ü</p>",
        "idempotencyKey": "servers", "date": "2026-01-02T03:04:05Z",
    })
    .to_string();
    for way in &ways {
        let (result, assembled) = send(&line, &server, way, &mail);
        assert_eq!(result["accepted"], json!(["jörg@example.net"]), "{}", way.name);
        let envelope = fs::read(path(server.root(), "envelope")).expect("it has arrived");
        let envelope: serde_json::Value = serde_json::from_slice(&envelope).expect("JSON");
        assert_eq!(envelope, json!({ "to": ["jörg@example.net"], "utf8": true }));
        let message = fs::read(path(server.root(), "message")).expect("it has arrived");
        assert_eq!(without_trace(&message), assembled, "{}", way.name);
    }
}
