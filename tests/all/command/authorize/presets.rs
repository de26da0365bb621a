//! `accounts authorize` at the built-in providers.

use super::Waiting;
use crate::support::CommandLine;

#[tokio::test(flavor = "multi_thread")]
async fn the_presets_ask_at_the_providers_with_their_parameters() {
    let line = CommandLine::new();
    for (provider, begins, contains) in [
        (
            "gmail",
            "https://accounts.google.com/o/oauth2/v2/auth?",
            &[
                "access_type=offline",
                "prompt=consent",
                "scope=https%3A%2F%2Fmail.google.com%2F",
                "redirect_uri=http%3A%2F%2F127.0.0.1%3A",
            ][..],
        ),
        (
            "microsoft365",
            "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?",
            &[
                "scope=https%3A%2F%2Foutlook.office.com%2FSMTP.Send+offline_access",
                "redirect_uri=http%3A%2F%2Flocalhost%3A",
            ],
        ),
    ] {
        let words = [
            "accounts",
            "authorize",
            "work",
            "--provider",
            provider,
            "--username",
            "a@example.com",
            "--client-id",
            "some-id",
            "--no-browser",
            "--timeout",
            "1",
        ];
        let mut waiting = Waiting::start(line.command(&words));
        let url = waiting.url();
        assert!(url.starts_with(begins), "{url}");
        let usual =
            ["client_id=some-id", "code_challenge_method=S256", "login_hint=a%40example.com"];
        for part in contains.iter().chain(&usual) {
            assert!(url.contains(part), "{part} is not in {url}");
        }
        waiting.end().expect(75);
    }
}
