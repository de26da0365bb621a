//! The options that every command has.

use std::path::PathBuf;

use clap::Args;
use smtp_connector_host::{ComponentDigest, Secret};

/// The heading of these options in `--help`.
const GLOBAL: &str = "Global options";

/// The options that every command has.
#[derive(Args, Debug)]
pub(crate) struct Shared {
    /// Print the result as JSON on standard output
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,

    /// Use this component file instead of the built-in component
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,

    /// Load the --component file only if it has this SHA-256 digest
    ///
    /// `sha256sum FILE` prints the digest.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "HEX")]
    pub(crate) sha256: Option<ComponentDigest>,

    /// Keep accounts and caught mail in this folder
    ///
    /// By default, they are in the platform's folders for settings and data.
    #[arg(
        long,
        global = true, help_heading = GLOBAL,
        value_name = "DIR",
        env = "SMTP_CONNECTOR_HOME",
        hide_env_values = true
    )]
    pub(crate) home: Option<PathBuf>,

    /// Connect through this proxy: socks5://, socks5h:// or http://, or `env`
    ///
    /// The proxy is used for mail servers, token endpoints, attachments and webhooks, and replaces the accounts' proxies. A
    /// URL may contain USERNAME:PASSWORD@, but other users of the machine can see arguments. `env` reads ALL_PROXY or HTTPS_PROXY,
    /// and NO_PROXY. By default, no variable is read. `accounts add` and `accounts edit` save the URL with the
    /// account.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "URL")]
    pub(crate) proxy: Option<ProxyArgument>,

    /// Show the SMTP conversation (without credentials) and error causes
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub(crate) verbose: bool,

    /// Print only warnings and errors
    #[arg(short, long, global = true, help_heading = GLOBAL, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// The argument of `--proxy`, which may contain a password.
#[derive(Clone, Debug)]
pub(crate) struct ProxyArgument(Secret);

impl ProxyArgument {
    /// Returns the argument. Never print it.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl From<String> for ProxyArgument {
    /// Accepts any text. clap would print an invalid one.
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}
