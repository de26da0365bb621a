//! The hosts that are reached without a proxy.

use std::fmt;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::address::HostName;

/// The hosts that are reached without a proxy, as in the environment variable `NO_PROXY`.
///
/// The list is separated by commas. `example.com` and `.example.com` mean this domain and its subdomains, `10.0.0.0/8`
/// the addresses in a range, and `*` all hosts.
///
/// ```
/// use smtp_connector_smtp::network::NoProxy;
///
/// let direct = NoProxy::from("localhost, .example.com, 10.0.0.0/8");
/// assert!(direct.contains(&"mail.example.com".parse()?));
/// assert!(direct.contains(&"10.1.2.3".parse()?));
/// assert!(!direct.contains(&"example.org".parse()?));
/// # Ok::<(), smtp_connector_smtp::address::InvalidHostName>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NoProxy(String);

impl NoProxy {
    /// Reports whether a host is reached without a proxy.
    pub fn contains(&self, host: &HostName) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let authority = match host {
            HostName::Ip(std::net::IpAddr::V6(address)) => format!("[{address}]"),
            host => host.without_root().into_owned(),
        };
        let Ok(uri) = format!("http://{authority}/").parse::<Uri>() else { return false };
        // hyper-util reads the list as curl does. It answers for a proxy, so it gets one that is never used.
        let matcher = Matcher::builder().all("http://proxy.invalid").no(self.0.as_str()).build();
        matcher.intercept(&uri).is_none()
    }
}

impl From<&str> for NoProxy {
    fn from(list: &str) -> Self {
        Self(list.to_owned())
    }
}

impl fmt::Debug for NoProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NoProxy").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_as_curl_reads_it() {
        for (list, host, direct) in [
            ("", "localhost", false),
            ("localhost,127.0.0.1", "localhost", true),
            ("localhost,127.0.0.1", "127.0.0.1", true),
            ("localhost", "notlocalhost", false),
            ("example.com", "mail.example.com", true),
            (".example.com", "EXAMPLE.com", true),
            ("example.com", "badexample.com", false),
            ("example.com", "mail.example.com.", true),
            ("10.0.0.0/8", "10.9.8.7", true),
            ("10.0.0.0/8", "11.9.8.7", false),
            ("::1", "::1", true),
            ("*", "anything.example", true),
            ("a very long entry that matches nothing.example", "b.example", false),
        ] {
            let host: HostName = host.parse().expect(host);
            assert_eq!(NoProxy::from(list).contains(&host), direct, "{list}: {host}");
        }
    }
}
