//! The proxy for outgoing connections.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::InvalidSetting;
use crate::address::HostName;
use crate::failure::Failure;
use crate::secret::{Secret, SecretSource};

/// A proxy: SOCKS5 (RFC 1928) or HTTP CONNECT (RFC 9110 section 9.3.6).
///
/// `Display` and `Debug` never show the password.
///
/// ```
/// use smtp_connector_smtp::settings::{Proxy, ProxyKind};
///
/// let proxy: Proxy = "socks5://alice:hunter2@proxy.example.com:1080".parse()?;
/// assert_eq!(proxy.kind(), ProxyKind::Socks5);
/// assert_eq!(proxy.to_string(), "socks5://proxy.example.com:1080");
/// # Ok::<(), smtp_connector_smtp::InvalidSetting>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proxy {
    kind: ProxyKind,
    host: HostName,
    port: u16,
    credentials: Option<(String, SecretSource)>,
}

/// The protocol of a proxy, and who resolves host names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyKind {
    /// `http`: HTTP CONNECT. The proxy gets an address that was checked, or the name if no rule restricts addresses.
    Http,
    /// `socks5`: SOCKS5. The proxy gets an address that was checked.
    Socks5,
    /// `socks5h`: SOCKS5. The proxy gets the name and resolves it, so the host cannot check the addresses.
    Socks5h,
}

/// The longest username and the longest password in SOCKS5, in bytes (RFC 1929).
const SOCKS_LENGTH: usize = 255;

impl Proxy {
    /// Creates a proxy from a URL with a username, such as `socks5://alice@proxy.example.com:1080`, and a password from
    /// another place.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is not valid, has no username, or also has a password.
    pub fn with_password(
        url: &str,
        password: impl Into<SecretSource>,
    ) -> Result<Self, InvalidSetting> {
        let (proxy, username, in_url) = parse(url)?;
        if in_url.is_some() {
            return Err(InvalidSetting::new("proxy: it has two passwords")
                .with_hint("remove the password from the URL, or the other one"));
        }
        match username {
            Some(username) => proxy.log_in(username, password.into()),
            None => Err(InvalidSetting::new("proxy: a password needs a username").with_hint(
                "write the username in the URL, as in socks5://alice@proxy.example.com:1080",
            )),
        }
    }

    /// Returns the protocol.
    pub fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// Returns the proxy's host.
    pub fn host(&self) -> &HostName {
        &self.host
    }

    /// Returns the proxy's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the username, if the proxy needs a login.
    pub fn username(&self) -> Option<&str> {
        self.credentials.as_ref().map(|(username, _)| username.as_str())
    }

    /// Returns the source of the password, if the proxy needs a login.
    pub fn password(&self) -> Option<&SecretSource> {
        self.credentials.as_ref().map(|(_, password)| password)
    }

    /// Returns the URL with the username, but without the password.
    pub fn url(&self) -> String {
        let user = self.username().map_or(String::new(), |username| {
            let encoded =
                percent_encoding::utf8_percent_encode(username, percent_encoding::NON_ALPHANUMERIC);
            format!("{encoded}@")
        });
        format!("{}://{user}{}", self.kind, self.authority())
    }

    /// Returns the username and the password.
    pub(crate) async fn reveal(&self) -> Result<Option<(&str, Secret)>, Failure> {
        let Some((username, source)) = &self.credentials else { return Ok(None) };
        let password = source.resolve("proxy's password").await?;
        self.check_password(&password)
            .map_err(|invalid| Failure::of_settings(invalid.to_string()))?;
        Ok(Some((username, password)))
    }

    fn log_in(self, username: String, password: SecretSource) -> Result<Self, InvalidSetting> {
        if username.chars().any(char::is_control) {
            return Err(InvalidSetting::new("proxy: the username contains a control character"));
        }
        match self.kind {
            ProxyKind::Http if username.contains(':') => {
                return Err(InvalidSetting::new("proxy: HTTP allows no colon in a username"));
            }
            ProxyKind::Http => {}
            _ if username.len() > SOCKS_LENGTH => {
                return Err(InvalidSetting::new(
                    "proxy: SOCKS5 allows at most 255 bytes for a username",
                ));
            }
            _ => {}
        }
        if let SecretSource::Text(password) = &password {
            self.check_password(password)?;
        }
        Ok(Self { credentials: Some((username, password)), ..self })
    }

    fn check_password(&self, password: &Secret) -> Result<(), InvalidSetting> {
        let text = password.expose();
        if self.kind != ProxyKind::Http && text.len() > SOCKS_LENGTH {
            return Err(InvalidSetting::new(
                "proxy: SOCKS5 allows at most 255 bytes for a password",
            ));
        }
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(InvalidSetting::new(
                "proxy: the password is empty or contains a control character",
            ));
        }
        Ok(())
    }

    fn authority(&self) -> String {
        match &self.host {
            HostName::Ip(std::net::IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            host => format!("{host}:{}", self.port),
        }
    }
}

impl FromStr for Proxy {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        match parse(text)? {
            (proxy, Some(username), Some(password)) => proxy.log_in(username, password.into()),
            (proxy, None, None) => Ok(proxy),
            _ => Err(InvalidSetting::new("proxy: a username and a password belong together")
                .with_hint("write socks5://USERNAME:PASSWORD@HOST:PORT, or proxy = { url = \"socks5://USERNAME@HOST:PORT\", password = { env = \"VARIABLE\" } }")),
        }
    }
}

/// Parses a URL, and returns its username and password separately.
fn parse(text: &str) -> Result<(Proxy, Option<String>, Option<Secret>), InvalidSetting> {
    let wrong = |why: &str| {
        InvalidSetting::new(format!("proxy: {why}")).with_hint(
            "write socks5://HOST:PORT, socks5h://HOST:PORT or http://HOST:PORT; USERNAME:PASSWORD@ may come before the host, \
             with special characters in percent-encoding",
        )
    };
    // The parser drops some characters. The result would be a different URL than the one in the settings.
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong("the URL contains a blank or a control character"));
    }
    let url = Url::parse(text).map_err(|_| wrong("this is not a valid URL"))?;
    let (kind, default_port) = match url.scheme() {
        "http" => (ProxyKind::Http, 80),
        "socks5" => (ProxyKind::Socks5, 1080),
        "socks5h" => (ProxyKind::Socks5h, 1080),
        _ => return Err(wrong("the URL must begin with socks5://, socks5h:// or http://")),
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("the URL must end after the host and the port"));
    }
    let host = url.host_str().unwrap_or_default();
    let host = host.parse().map_err(|_| wrong("the URL has no valid host"))?;
    let port = url.port().unwrap_or(default_port);
    if port == 0 {
        return Err(wrong("the port must be a number from 1 to 65535"));
    }
    let decode = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8();
        decoded.map(Cow::into_owned).map_err(|_| wrong("the login is not in UTF-8"))
    };
    let username = Some(url.username()).filter(|name| !name.is_empty()).map(decode).transpose()?;
    let password = url.password().map(decode).transpose()?.map(Secret::new);
    Ok((Proxy { kind, host, port, credentials: None }, username, password))
}

impl fmt::Display for Proxy {
    /// Writes the URL without the username and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.kind, self.authority())
    }
}

impl fmt::Display for ProxyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_with_its_login() {
        for (text, shown, login) in [
            ("socks5://proxy.example", "socks5://proxy.example:1080", None),
            ("SOCKS5H://[::1]:9", "socks5h://[::1]:9", None),
            ("http://10.0.0.1", "http://10.0.0.1:80", None),
            ("http://proxy.example:3128/", "http://proxy.example:3128", None),
            ("socks5://u:p@h:1", "socks5://h:1", Some(("u", "p"))),
            ("http://a%40b:p%3A%2Fq@h:1", "http://h:1", Some(("a@b", "p:/q"))),
        ] {
            let proxy: Proxy = text.parse().expect(text);
            assert_eq!(proxy.to_string(), shown);
            let password = proxy.password().map(|password| match password {
                SecretSource::Text(secret) => secret.expose(),
                other => panic!("{other}"),
            });
            assert_eq!(proxy.username().zip(password), login, "{text}");
            assert_eq!(Proxy::from_str(&proxy.url()).is_ok(), login.is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_proxy_is_refused_without_a_word_of_its_password() {
        for text in [
            "",
            "proxy.example:1080",
            "socks4://u:hunter2@proxy.example",
            "https://u:hunter2@proxy.example",
            "socks5://u:hunter2@proxy.example/path",
            "http://u:hunter2@proxy.example/?q",
            "socks5://u:hunter2@proxy.example:70000",
            "socks5://u:hunter2@proxy.example:0",
            "socks5://u:hunter2@",
            "socks5://u:hunter2@a b",
            "socks5://u:hunter2@127.1",
            "socks5://:hunter2@proxy.example",
            "socks5://hunter2@proxy.example",
            "socks5://u:hunter2%00@proxy.example",
            "http://u%3Au:hunter2@proxy.example",
            "http://u%FF:hunter2@proxy.example",
        ] {
            let error = text.parse::<Proxy>().expect_err(text);
            let told = format!("{error} {}", error.hint().unwrap_or_default());
            assert!(told.starts_with("proxy: ") && !told.contains("hunter2"), "{told}");
        }
        let long = format!("u:{}", "x".repeat(256));
        assert!(format!("socks5://{long}@h").parse::<Proxy>().is_err());
        assert!(format!("http://{long}@h").parse::<Proxy>().is_ok());
    }

    #[test]
    fn a_password_may_come_from_another_place() {
        let source = SecretSource::Env("PROXY_PASSWORD".into());
        let proxy =
            Proxy::with_password("socks5://a%3Ab@h:1", source.clone()).expect("it is right");
        assert_eq!((proxy.username(), proxy.password()), (Some("a:b"), Some(&source)));
        assert_eq!(Proxy::with_password(&proxy.url(), source.clone()).as_ref(), Ok(&proxy));
        assert!(Proxy::with_password("socks5://h:1", source.clone()).is_err());
        assert!(Proxy::with_password("socks5://u:p@h:1", source).is_err());
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let proxy: Proxy = "http://alice:hunter2@h:1".parse().expect("it is right");
        for shown in [format!("{proxy}"), format!("{proxy:?}"), proxy.url()] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
