//! The user's browser in front of an authorization server.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;
use url::form_urlencoded::Serializer;

/// Requests a page as a browser does, and returns the whole answer.
pub(crate) async fn fetch(url: &str, form: Option<&str>) -> String {
    let url: Url = url.parse().expect("a URL");
    let port = url.port().expect("a server on this machine has a port");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let (method, body) = form.map_or(("GET", ""), |form| ("POST", form));
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
        &url[url::Position::BeforeHost..url::Position::AfterPort],
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it is text");
    answer
}

/// Acts as the user's browser: opens the URL, allows access, and follows the redirect. Returns the last page.
pub(crate) async fn allow(url: &str) -> String {
    let asked = fetch(url, None).await;
    if !asked.starts_with("HTTP/1.1 200 ") {
        return asked;
    }
    let url: Url = url.parse().expect("a URL");
    let form = Serializer::new(String::new()).extend_pairs(url.query_pairs()).finish();
    let decide = url.join("/decide").expect("a path");
    let decided = fetch(decide.as_str(), Some(&form)).await;
    let location = decided.lines().find_map(|line| line.strip_prefix("Location: "));
    fetch(location.expect("the server redirects"), None).await
}
