//! Attachments that are not in the input: uploads, and files on the web.

use serde_json::{Value, json};
use smtp_connector_host::accounts::Policy;
use smtp_connector_host::attachments::{MemoryUploads, Metadata};
use smtp_connector_host::{Error, FailureCode, Invocation, Retry};
use smtp_connector_inbox::Inbox;

use crate::support::{HttpServer, Page, TestEnv};

const PDF: &[u8] = b"%PDF-1.4 not really";

fn input(attachment: &Value) -> Value {
    json!({ "to": "bob@example.net", "attachments": [attachment] })
}

#[tokio::test]
async fn an_upload_is_read_from_the_platform_and_arrives_complete() {
    let env = TestEnv::new().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 253) as u8).collect();
    let metadata = Metadata::default().filename("scan.tiff".to_owned());
    let uploads = MemoryUploads::new().with("u-1", metadata, bytes.clone());
    let invocation = Invocation::send_mail(input(&json!({ "upload": "u-1" })).to_string())
        .account("work")
        .uploads(uploads);
    let result = env.invoke(invocation).await.expect("it is sent");
    assert_eq!(result["attachments"][0]["size"], bytes.len());
    assert_eq!(result["attachments"][0]["contentType"], "image/tiff");
    let received = env.received().await;
    assert_eq!(received.parameters, [format!("SIZE={}", received.content.len())]);
    let message =
        mail_parser::MessageParser::default().parse(&received.content).expect("a message");
    assert!(message.attachment(0).expect("a file").contents() == bytes);

    let error = env.send(&input(&json!({ "upload": "u-2" }))).await.expect_err("there is none");
    assert_eq!((error.code(), error.retry()), (FailureCode::Attachment, Retry::Never));
    assert!(error.to_string().contains("attachments[0]"), "{error}");
}

/// Starts a web server, and an environment whose account may fetch from it.
async fn web(pages: Vec<Page>) -> (TestEnv, HttpServer) {
    let server = HttpServer::start(pages).await;
    let host = server.host().parse().expect("an address is a host");
    let policy = Policy::default().attachment_url_hosts(vec![host]);
    let env = TestEnv::with(Inbox::builder(), |account| account.policy(policy)).await;
    (env, server)
}

async fn fails(env: &TestEnv, url: &str) -> Error {
    let error = env.send(&input(&json!(url))).await.expect_err("it cannot be fetched");
    assert!(error.to_string().starts_with("attachments[0]: "), "{error}");
    assert!(env.inbox.take().is_none());
    error
}

#[tokio::test]
async fn a_file_on_the_web_is_fetched_by_the_host() {
    let (env, server) = web(vec![
        Page::file("/files/a%20b.pdf?x=1", "Content-Type: application/octet-stream\r\n", PDF),
        Page::file(
            "/named",
            "Content-Type: text/csv; charset=utf-8\r\nContent-Disposition: attachment; filename=\"r.csv\"\r\n",
            b"a,b",
        ),
        Page::raw("/moved", "HTTP/1.1 302 Found\r\nLocation: /named\r\nContent-Length: 0\r\n\r\n"),
        Page::raw("/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    ])
    .await;
    for (path, name, kind, size) in [
        ("/files/a%20b.pdf?x=1", "a b.pdf", "application/pdf", PDF.len()),
        ("/named", "r.csv", "text/csv", 3),
        ("/moved", "r.csv", "text/csv", 3),
        ("/chunked", "chunked", "application/octet-stream", 3),
    ] {
        let result = env.send(&input(&json!(server.url(path)))).await.expect(path);
        let file = &result["attachments"][0];
        assert_eq!(
            (&file["filename"], &file["contentType"], &file["size"]),
            (&json!(name), &json!(kind), &json!(size))
        );
        env.received().await;
    }
    let request = &server.requests()[0];
    assert!(request.contains("\r\naccept-encoding: identity\r\n"), "{request}");
    for header in ["cookie", "authorization", "referer"] {
        assert!(!request.to_ascii_lowercase().contains(&format!("\r\n{header}:")), "{request}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_fetched_completely_stops_the_mail() {
    let (env, server) = web(vec![
        Page::raw("/gone", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"),
        Page::raw("/down", "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n"),
        Page::raw("/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
        Page::raw("/large", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
        Page::raw(
            "/gzip",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        ),
        Page::raw("/loop", "HTTP/1.1 301 Moved\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"),
        Page::raw("/nonsense", "SSH-2.0-OpenSSH\r\n"),
    ])
    .await;
    for (path, code, retry) in [
        ("/missing", FailureCode::Attachment, Retry::Never),
        ("/gone", FailureCode::Attachment, Retry::Never),
        ("/down", FailureCode::Attachment, Retry::Later),
        ("/short", FailureCode::Attachment, Retry::Later),
        ("/large", FailureCode::TooLarge, Retry::Never),
        ("/gzip", FailureCode::Attachment, Retry::Later),
        ("/loop", FailureCode::Attachment, Retry::Never),
        ("/nonsense", FailureCode::Attachment, Retry::Later),
    ] {
        let error = fails(&env, &server.url(path)).await;
        assert_eq!((error.code(), error.retry()), (code, retry), "{path}: {error}");
    }
    let optional = json!({ "url": server.url("/short"), "optional": true });
    let result = env.send(&input(&optional)).await.expect("it is sent without the file");
    assert_eq!(result["warnings"][0]["code"], "optional-left-out");
    assert_eq!(result["attachments"], json!([]));
}

#[tokio::test]
async fn a_private_address_is_fetched_only_if_the_account_names_it() {
    let (env, server) = web(vec![
        Page::raw(
            "/inside",
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        ),
        Page::raw(
            "/file",
            "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
        ),
    ])
    .await;
    for url in [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.1/",
        "https://example.com:8080/",
        &server.url("/inside"),
        &server.url("/file"),
    ] {
        let error = fails(&env, url).await;
        assert_eq!(error.code(), FailureCode::Policy, "{url}: {error}");
    }
    assert_eq!(server.requests().len(), 2);
}
