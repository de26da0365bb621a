//! An authorization server that follows the documents of Google and Microsoft, or departs from them in one way.
//!
//! It checks everything that they check: the client and its secret, the redirect URI, PKCE with S256, and that a code is
//! used once. It gives a refresh token only if it was asked for in the provider's way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;
use url::form_urlencoded::parse;

/// How a server departs from the documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Departure {
    #[default]
    None,
    /// The user denies consent.
    Denied,
    /// The user denies the first consent. Each use of a refresh token replaces it.
    DeniedOnce,
    /// The redirect has another state.
    OtherState,
    /// The redirect has two states.
    TwoStates,
    /// The id token has another nonce.
    OtherNonce,
    /// The token endpoint answers with a web page.
    Page,
    /// The token endpoint is down.
    Down,
    /// The token endpoint does not accept the code.
    OldCode,
    /// The answer has no refresh token.
    NoRefreshToken,
    /// The refresh token has a line break.
    BrokenToken,
    /// The user allowed a part of the scope.
    LessScope,
    /// The device code expires at once.
    Expired,
    /// Each use of a refresh token replaces it.
    Rotating,
    /// The device endpoint names a page that is not on the web.
    LocalPage,
}

pub(crate) const CLIENT: &str = "cl1ent.example";
pub(crate) const CLIENT_SECRET: &str = "cl1ent-s3cret";

type Form = BTreeMap<String, String>;

#[derive(Default)]
struct State {
    /// The forms that the token endpoint got.
    forms: Vec<Form>,
    /// The open requests of codes: the query of the authorization page.
    codes: BTreeMap<String, Form>,
    refresh_token: String,
    number: usize,
    /// The number of polls until the user has entered the device code. With an odd number left, it says `slow_down`.
    polls: usize,
}

pub(crate) struct AuthorizationServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Handler {
    address: SocketAddr,
    departure: Departure,
    state: Arc<Mutex<State>>,
}

impl AuthorizationServer {
    pub(crate) async fn start(departure: Departure) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(Mutex::new(State { polls: 1, ..State::default() }));
        let handler = Handler { address, departure, state: Arc::clone(&state) };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(handler.clone().serve(stream));
            }
        });
        Self { address, state, task }
    }

    /// Returns the URL of an endpoint: `authorize`, `token`, `device` or `issuer`.
    pub(crate) fn url(&self, endpoint: &str) -> String {
        format!("http://{}/{endpoint}", self.address)
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the forms that the token endpoint got.
    pub(crate) fn forms(&self) -> Vec<BTreeMap<String, String>> {
        self.state().forms.clone()
    }

    /// Returns the refresh token that is valid now.
    pub(crate) fn refresh_token(&self) -> String {
        self.state().refresh_token.clone()
    }

    /// Makes all refresh tokens invalid.
    pub(crate) fn revoke(&self) {
        self.state().refresh_token = String::new();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while holding it")
    }
}

impl Drop for AuthorizationServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer: the status line, a header line and the body.
struct Answer(&'static str, String, String);

fn page(status: &'static str, body: &str) -> Answer {
    Answer(
        status,
        "Content-Type: text/html".into(),
        format!("<!doctype html><title>Provider</title>{body}"),
    )
}

fn object(status: &'static str, body: &Value) -> Answer {
    Answer(status, "Content-Type: application/json; charset=utf-8".into(), body.to_string())
}

fn refusal(error: &str) -> Answer {
    let said = format!("a description of {error}");
    object("400 Bad Request", &json!({ "error": error, "error_description": said }))
}

fn pairs(text: &str) -> Form {
    parse(text.as_bytes()).into_owned().collect()
}

impl Handler {
    async fn serve(self, mut stream: TcpStream) {
        let request = read(&mut stream).await;
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((&request, ""));
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let Answer(status, header, body) = match path {
            "/authorize" => authorize(query),
            "/decide" => self.decide(&pairs(body)),
            "/token" => self.token(&pairs(body)),
            "/device" => self.device(&pairs(body)),
            "/.well-known/openid-configuration" => object(
                "200 OK",
                &json!({
                    "issuer": format!("http://{}", self.address),
                    "authorization_endpoint": format!("http://{}/authorize", self.address),
                    "token_endpoint": format!("http://{}/token", self.address),
                    "device_authorization_endpoint": format!("http://{}/device", self.address),
                    "code_challenge_methods_supported": ["plain", "S256"],
                }),
            ),
            _ => page("404 Not Found", "nothing here"),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        // A client may close the connection once it has read enough.
        let _ = stream.write_all(answer.as_bytes()).await;
    }

    /// The user's decision: redirects to the client.
    fn decide(&self, asked: &Form) -> Answer {
        let mut state = self.state.lock().expect("no thread panics while holding it");
        let mut redirect: Url = asked["redirect_uri"].parse().expect("it was checked");
        let mut query = redirect.query_pairs_mut();
        let is_denied = match self.departure {
            Departure::Denied => true,
            Departure::DeniedOnce => state.number == 0,
            _ => false,
        };
        state.number += 1;
        match is_denied {
            true => {
                query.append_pair("error", "access_denied");
                query.append_pair("error_description", "the user said no");
            }
            false => {
                let code = format!("c0de-{}", state.number);
                query.append_pair("code", &code);
                state.codes.insert(code, asked.clone());
            }
        }
        match self.departure {
            Departure::OtherState => query.append_pair("state", "f0rged"),
            Departure::TwoStates => {
                query.append_pair("state", "f0rged").append_pair("state", &asked["state"])
            }
            _ => query.append_pair("state", &asked["state"]),
        };
        drop(query);
        Answer("302 Found", format!("Location: {redirect}"), String::new())
    }

    fn token(&self, form: &Form) -> Answer {
        let mut state = self.state.lock().expect("no thread panics while holding it");
        state.forms.push(form.clone());
        match self.departure {
            Departure::Page => return page("200 OK", "please log in"),
            Departure::Down => return page("503 Service Unavailable", "down"),
            _ => {}
        }
        let has_secret = form.get("client_secret").is_none_or(|secret| secret == CLIENT_SECRET);
        if form["client_id"] != CLIENT || !has_secret {
            return refusal("invalid_client");
        }
        match form["grant_type"].as_str() {
            "authorization_code" => {
                let Some(asked) = state.codes.remove(&form["code"]) else {
                    return refusal("invalid_grant");
                };
                let verifier =
                    ring::digest::digest(&ring::digest::SHA256, form["code_verifier"].as_bytes());
                let is_proved = URL_SAFE_NO_PAD.encode(verifier) == asked["code_challenge"];
                let is_there = form["redirect_uri"] == asked["redirect_uri"];
                if !is_proved || !is_there || self.departure == Departure::OldCode {
                    return refusal("invalid_grant");
                }
                self.grant(&mut state, &asked)
            }
            "urn:ietf:params:oauth:grant-type:device_code" => match self.departure {
                Departure::Denied => refusal("access_denied"),
                Departure::Expired => refusal("expired_token"),
                _ if form["device_code"] != "d3vice" => refusal("invalid_grant"),
                _ if state.polls > 0 => {
                    state.polls -= 1;
                    refusal("authorization_pending")
                }
                _ => {
                    let scope = "mail.send offline_access".to_owned();
                    self.grant(&mut state, &BTreeMap::from([("scope".to_owned(), scope)]))
                }
            },
            "refresh_token" if form["refresh_token"] != state.refresh_token => {
                refusal("invalid_grant")
            }
            "refresh_token" => {
                state.number += 1;
                let mut answer = json!({
                    "access_token": format!("acc3ss-{}", state.number), "token_type": "Bearer", "expires_in": 30,
                });
                if matches!(self.departure, Departure::Rotating | Departure::DeniedOnce) {
                    state.refresh_token = format!("r3fresh-{}", state.number);
                    answer["refresh_token"] = json!(state.refresh_token);
                }
                object("200 OK", &answer)
            }
            _ => refusal("unsupported_grant_type"),
        }
    }

    fn grant(&self, state: &mut State, asked: &Form) -> Answer {
        state.number += 1;
        state.refresh_token = format!("r3fresh-{}", state.number);
        let scope = &asked["scope"];
        // Google gives it offline and with consent, and Microsoft by a scope.
        let is_offline = asked.get("access_type").is_some_and(|kind| kind == "offline")
            || scope.split(' ').any(|one| one == "offline_access");
        let granted = match self.departure {
            Departure::LessScope => "openid",
            _ => scope.trim_end_matches(" offline_access"),
        };
        let mut answer = json!({
            "access_token": "acc3ss-0", "token_type": "Bearer", "expires_in": 3599, "scope": granted,
        });
        if is_offline && self.departure != Departure::NoRefreshToken {
            answer["refresh_token"] = match self.departure {
                Departure::BrokenToken => json!("r3fresh\nsecond line"),
                _ => json!(state.refresh_token),
            };
        }
        if let Some(nonce) = asked.get("nonce") {
            let nonce = if self.departure == Departure::OtherNonce { "f0rged" } else { nonce };
            let claims = URL_SAFE_NO_PAD.encode(json!({ "nonce": nonce }).to_string());
            answer["id_token"] = json!(format!("e30.{claims}.sig"));
        }
        object("200 OK", &answer)
    }

    fn device(&self, form: &Form) -> Answer {
        if form["client_id"] != CLIENT {
            return refusal("invalid_client");
        }
        let verification = match self.departure {
            Departure::LocalPage => "file:///etc/passwd".to_owned(),
            _ => format!("http://{}/enter", self.address),
        };
        object(
            "200 OK",
            &json!({
                "device_code": "d3vice", "user_code": "ABCD-EFGH", "verification_uri": verification,
                "expires_in": 900, "interval": 1,
            }),
        )
    }
}

/// The page that asks the user. Google and Microsoft show an error here if the client is wrong, and never redirect.
fn authorize(query: &str) -> Answer {
    let asked = pairs(query);
    let get = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let redirect = get("redirect_uri").parse::<Url>().ok();
    let is_own = redirect.is_some_and(|url| {
        url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "localhost"))
    });
    let is_right = get("response_type") == "code"
        && get("client_id") == CLIENT
        && is_own
        && get("code_challenge_method") == "S256"
        && get("code_challenge").len() == 43
        && get("state").len() > 20;
    if !is_right {
        return page("400 Bad Request", "Error 401: invalid_client");
    }
    let fields: String = asked
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"))
        .collect();
    // With `click=1` the page presses its own button: headless Chromium has no user.
    let script = match get("click") {
        "1" => "<script>document.getElementById('allow').click()</script>",
        _ => "",
    };
    page(
        "200 OK",
        &format!(
            "<form method=\"post\" action=\"/decide\">{fields}<button id=\"allow\">Allow</button></form>{script}"
        ),
    )
}

/// Reads one request, with its body.
async fn read(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                return text.into_owned();
            }
        }
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return String::from_utf8_lossy(&request).into_owned();
        }
    }
}
