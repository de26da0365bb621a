//! A second `accounts authorize` of the same account, which knows everything from the first.

use std::fs;

use super::{consent, files, with_password};
use crate::support::{AuthorizationServer, CLIENT, CommandLine, Departure, allow};

const SCOPE: [&str; 2] = ["--scope", "mail.send offline_access"];

fn accounts_of(line: &CommandLine) -> String {
    fs::read_to_string(line.home().join("accounts.toml")).expect("it is there")
}

/// Authorizes the account with these options, and again without any. Returns the file after each.
async fn twice(line: &CommandLine, options: &[&str]) -> [String; 2] {
    let first = ["accounts", "authorize", "work", "--client-id", CLIENT];
    let first: Vec<_> = [&first[..], &SCOPE, options].concat();
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    consent(line, &owned(&first)).await.expect(0);
    let stored = accounts_of(line);
    consent(line, &owned(&first[..3])).await.expect(0);
    [stored, accounts_of(line)]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_is_stored_and_asked_again() {
    let server = AuthorizationServer::start(Departure::None).await;
    let line = with_password(25);
    let [first, second] = twice(&line, &["--issuer", &server.issuer()]).await;
    assert_eq!(first, second);
    assert!(first.contains(&format!("issuer = \"{}/\"", server.issuer())), "{first}");
    assert!(!first.contains("authorizationUrl") && !first.contains("deviceUrl"), "{first}");
    // The new token is the one in the file.
    let token = fs::read_to_string(line.home().join("work.refresh-token")).expect("it is there");
    assert!(token.starts_with(&server.refresh_token()), "{token}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_urls_of_endpoints_are_stored_and_asked_again() {
    let server = AuthorizationServer::start(Departure::None).await;
    let line = with_password(25);
    let [authorize, token, device] = ["authorize", "token", "device"].map(|name| server.url(name));
    let urls = ["--auth-url", &authorize, "--token-url", &token, "--device-url", &device];
    let [first, second] = twice(&line, &urls).await;
    assert_eq!(first, second);
    for (key, url) in [("authorizationUrl", &authorize), ("deviceUrl", &device)] {
        assert!(first.contains(&format!("{key} = \"{url}\"")), "{first}");
    }
    // The device flow has its URL too.
    let ran = line.run(&["accounts", "authorize", "work", "--device"]).expect(0);
    assert!(ran.err.contains(&server.url("enter")), "{ran:?}");
    // A change of another setting keeps the URLs, and the path of the token as it is written.
    line.run(&["accounts", "edit", "work", "--from", "alice@example.com"]).expect(0);
    let edited = accounts_of(&line);
    assert!(edited.contains(&format!("deviceUrl = \"{device}\"")), "{edited}");
    assert!(edited.contains("refreshToken = { file = \"work.refresh-token\" }"), "{edited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_of_the_account_comes_before_the_built_in_provider() {
    let server = AuthorizationServer::start(Departure::None).await;
    let line = CommandLine::new();
    let issuer = server.issuer();
    let add = ["--provider", "outlook", "--username", "alice@outlook.com", "--issuer", &issuer];
    let first = ["accounts", "authorize", "work", "--client-id", CLIENT];
    let words = [&first[..], &SCOPE, &add].concat();
    let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
    consent(&line, &words).await.expect(0);
    let mut waiting =
        super::Waiting::start(line.command(&["accounts", "authorize", "work", "--no-browser"]));
    let url = waiting.url();
    assert!(url.starts_with(&server.url("authorize")), "{url}");
    allow(&url).await;
    waiting.end().expect(0);
    assert_eq!(files(line.home()).len(), 2);
}
