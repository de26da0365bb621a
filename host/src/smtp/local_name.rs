//! What the connector calls itself.

use std::net::IpAddr;

use lettre::transport::smtp::extension::ClientId;

use crate::accounts::EhloName;

/// The name for EHLO (RFC 5321 section 4.1.4): the account's, else the machine's, else the address that
/// the connection comes from.
pub(super) fn client_id(account: Option<&EhloName>, local: Option<IpAddr>) -> ClientId {
    let machine = || gethostname::gethostname().to_str().and_then(|name| name.parse().ok());
    match account.cloned().or_else(machine) {
        Some(name) => ClientId::Domain(name.as_str().to_owned()),
        None => match local {
            Some(IpAddr::V6(address)) => ClientId::Ipv6(address),
            Some(IpAddr::V4(address)) => ClientId::Ipv4(address),
            None => ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_name_comes_first() {
        let name = "client.example.com".parse().ok();
        assert_eq!(client_id(name.as_ref(), None).to_string(), "client.example.com");
        // Whatever this machine is called, it is something that may stand in a command.
        let shown = client_id(None, Some([192, 0, 2, 1].into())).to_string();
        assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()), "{shown}");
    }
}
