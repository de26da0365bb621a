//! The name that the connector sends in EHLO.

use std::net::{IpAddr, Ipv4Addr};

use lettre::transport::smtp::extension::ClientId;

use crate::address::EhloName;

/// Chooses the name for EHLO (RFC 5321 section 4.1.4): the account's `ehloName`, else the machine's name if it has a
/// domain, else the literal of the connection's local address.
pub(crate) fn client_id(account: Option<&EhloName>, local: Option<IpAddr>) -> ClientId {
    let machine = gethostname::gethostname();
    choose(account, machine.to_str().unwrap_or_default(), local)
}

fn choose(account: Option<&EhloName>, machine: &str, local: Option<IpAddr>) -> ClientId {
    if let Some(name) = account {
        return ClientId::Domain(name.as_str().to_owned());
    }
    let machine = machine.strip_suffix('.').unwrap_or(machine);
    if is_full_name(machine) {
        return ClientId::Domain(machine.to_owned());
    }
    // A dual-stack socket has IPv4 addresses in IPv6 form.
    match local.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Some(IpAddr::V4(address)) => ClientId::Ipv4(address),
        None => ClientId::Ipv4(Ipv4Addr::LOCALHOST),
    }
}

/// Reports whether a machine's name is a fully qualified domain name (RFC 5321 section 2.3.5).
///
/// Containers have names without a domain, and servers refuse those. Postfix with `reject_non_fqdn_helo_hostname`
/// permanently refuses every recipient.
fn is_full_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        // Not an IP address or a part of one: an address needs the brackets of a literal.
        && last.bytes().any(|byte| byte.is_ascii_alphabetic())
        // Not a name that means a different machine on each network (RFC 6761 section 6.3, RFC 6762 section 3), nor
        // `localdomain`, which systems write in /etc/hosts beside `localhost`.
        && !matches!(last.as_str(), "local" | "localhost" | "localdomain")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(machine: &str) -> String {
        choose(None, machine, Some([192, 0, 2, 1].into())).to_string()
    }

    #[test]
    fn the_accounts_name_is_taken_as_it_is() {
        for name in ["client.example.com", "localhost", "mailer"] {
            let name = name.parse().expect("a name");
            assert_eq!(choose(Some(&name), "app.example.com", None).to_string(), name.as_str());
        }
    }

    #[test]
    fn a_machines_name_counts_where_it_has_a_domain() {
        for name in ["app.example.com", "ip-10-0-0-1.ec2.internal", "a.xn--p1ai", "1.example"] {
            assert_eq!(said(name), name);
        }
        assert_eq!(said("app.example.com."), "app.example.com");
        for name in [
            "15b0717dc4c2",
            "localhost",
            "LOCALHOST",
            "localhost.localdomain",
            "app.localhost",
            "macbook.local",
            "Macbook.LOCAL.",
            "192.168.0.7",
            "10.1",
            "my_app.example.com",
            "-a.example.com",
            ".example.com",
            "a..example",
            ".",
            "",
        ] {
            assert_eq!(said(name), "[192.0.2.1]", "{name:?}");
        }
        assert_eq!(said(&format!("{}.example", "a".repeat(64))), "[192.0.2.1]");
    }

    #[test]
    fn an_address_is_a_literal() {
        for (local, literal) in [
            ("2001:db8::1", "[IPv6:2001:db8::1]"),
            ("::ffff:192.0.2.1", "[192.0.2.1]"),
            ("192.0.2.1", "[192.0.2.1]"),
        ] {
            let local = local.parse().expect("an address");
            assert_eq!(choose(None, "15b0717dc4c2", Some(local)).to_string(), literal);
        }
        assert_eq!(choose(None, "15b0717dc4c2", None).to_string(), "[127.0.0.1]");
        // The name is valid in a command on every machine.
        let shown = client_id(None, None).to_string();
        assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()), "{shown}");
    }
}
