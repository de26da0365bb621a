//! The hosts that are reached without a proxy.

use std::fmt;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::address::HostName;

/// The hosts that are reached without a proxy, as in the environment variable `NO_PROXY`.
///
/// The list is separated by commas. `example.com` and `.example.com` mean this domain and its subdomains, `10.0.0.0/8`
/// the addresses in a range, and `*` all hosts. With a port, as in `example.com:587`, an entry means this port only.
///
/// ```
/// use smtp_connector_smtp::network::NoProxy;
///
/// let direct = NoProxy::from("localhost, .example.com, 10.0.0.0/8, example.org:587");
/// assert!(direct.contains(&"mail.example.com".parse()?, 587));
/// assert!(direct.contains(&"10.1.2.3".parse()?, 587));
/// assert!(direct.contains(&"example.org".parse()?, 587));
/// assert!(!direct.contains(&"example.org".parse()?, 443));
/// # Ok::<(), smtp_connector_smtp::address::InvalidHostName>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NoProxy(String);

impl NoProxy {
    /// Reports whether a port of a host is reached without a proxy.
    pub fn contains(&self, host: &HostName, port: u16) -> bool {
        let entries = self.0.split(',').map(str::trim).filter_map(|entry| match with_port(entry) {
            Some((entry, only)) => (only == port).then_some(entry),
            None => Some(entry),
        });
        let entries = entries.collect::<Vec<_>>().join(",");
        if entries.is_empty() {
            return false;
        }
        let authority = match host {
            HostName::Ip(std::net::IpAddr::V6(address)) => format!("[{address}]"),
            host => host.without_root().into_owned(),
        };
        let Ok(uri) = format!("http://{authority}/").parse::<Uri>() else { return false };
        // hyper-util reads the list as curl does. It answers for a proxy, so it gets one that is never used.
        let matcher = Matcher::builder().all("http://proxy.invalid").no(entries.as_str()).build();
        matcher.intercept(&uri).is_none()
    }
}

/// Splits an entry with a port. The colons of an IPv6 address without brackets are not followed by a port.
fn with_port(entry: &str) -> Option<(&str, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    let is_address = host.contains(':') && !host.ends_with(']');
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!is_address).then_some((host, port.parse().ok()?))
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
            assert_eq!(NoProxy::from(list).contains(&host, 25), direct, "{list}: {host}");
        }
    }

    #[test]
    fn an_entry_with_a_port_means_this_port_only() {
        for (list, host, port, direct) in [
            ("example.com:587", "example.com", 587, true),
            ("example.com:587", "mail.example.com", 587, true),
            ("example.com:587", "example.com", 465, false),
            ("example.com:587, example.com:465", "example.com", 465, true),
            ("other.example, localhost:1025", "localhost", 1025, true),
            ("other.example, localhost:1025", "other.example", 443, true),
            ("10.0.0.1:25", "10.0.0.1", 25, true),
            ("10.0.0.1:25", "10.0.0.1", 26, false),
            ("[::1]:25", "::1", 25, true),
            ("[::1]:25", "::1", 26, false),
            // This is an address, and not one with a port.
            ("2001:db8::25", "2001:db8::25", 80, true),
            ("2001:db8::25", "2001:db8::", 25, false),
            ("*:443", "anything.example", 443, true),
            ("*:443", "anything.example", 587, false),
            ("example.com:smtp", "example.com", 25, false),
        ] {
            let host: HostName = host.parse().expect(host);
            assert_eq!(NoProxy::from(list).contains(&host, port), direct, "{list}: {host}:{port}");
        }
    }
}
