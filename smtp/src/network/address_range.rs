//! Address ranges that an operator denies.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

/// A range of IP addresses: `203.0.113.0/24`, `2001:db8::/32`, or one address.
///
/// An IPv4 range also covers the IPv6 addresses that embed one of its addresses (IPv4-mapped, NAT64, 6to4, Teredo,
/// ISATAP), since a gateway may translate them.
///
/// ```
/// use smtp_connector_smtp::network::AddressRange;
///
/// let office: AddressRange = "203.0.113.0/24".parse()?;
/// assert!(office.contains("203.0.113.7".parse()?));
/// assert!(office.contains("::ffff:203.0.113.7".parse()?));
/// assert!(!office.contains("203.0.114.7".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange {
    network: IpAddr,
    length: u32,
}

/// The reason why a text is not an address range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAddressRange(String);

impl AddressRange {
    /// Reports whether an address is in the range, directly or embedded in an IPv6 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => self.covers_v4(network, address),
            (IpAddr::V4(network), IpAddr::V6(address)) => {
                carried(address).into_iter().flatten().any(|one| self.covers_v4(network, one))
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = u128::from(network) ^ u128::from(address);
                differing.checked_shr(128 - self.length).unwrap_or(0) == 0
            }
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    fn covers_v4(&self, network: Ipv4Addr, address: Ipv4Addr) -> bool {
        let differing = u32::from(network) ^ u32::from(address);
        differing.checked_shr(32 - self.length).unwrap_or(0) == 0
    }
}

/// Returns the IPv4 addresses that an IPv6 address may embed.
fn carried(address: Ipv6Addr) -> [Option<Ipv4Addr>; 3] {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    let [a, b, c, d, e, f, high, low] = segments;
    let last = match [a, b, c, d, e, f] {
        // IPv4-compatible and IPv4-mapped (RFC 4291 section 2.5.5), IPv4-translated (RFC 2765 section 2.1), NAT64
        // (RFC 6052 section 2.1).
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => {
            Some(v4(high, low))
        }
        // NAT64 with a local prefix (RFC 8215), in its usual layout.
        [0x64, 0xff9b, 1, ..] => Some(v4(high, low)),
        // ISATAP (RFC 5214 section 6.1).
        [.., 0 | 0x200, 0x5efe] => Some(v4(high, low)),
        // Teredo inverts the bits of the client's address (RFC 4380 section 4).
        [0x2001, 0, ..] => Some(v4(!high, !low)),
        _ => None,
    };
    // 6to4 (RFC 3056 section 2), and Teredo's server.
    let first = (a == 0x2002).then(|| v4(b, c));
    let server = ([a, b] == [0x2001, 0]).then(|| v4(c, d));
    [last, first, server]
}

impl FromStr for AddressRange {
    type Err = InvalidAddressRange;

    fn from_str(text: &str) -> Result<Self, InvalidAddressRange> {
        let wrong = || {
            InvalidAddressRange(format!(
                "{text:?} is not an address range: write 203.0.113.0/24, 2001:db8::/32 or one address"
            ))
        };
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let mut network: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        let mut length = match length {
            // Rust would parse `+24` as a number.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|length| *length <= most).ok_or_else(wrong)?
            }
            Some(_) => return Err(wrong()),
            None => most,
        };
        // An IPv4-mapped range is an IPv4 range.
        if let (IpAddr::V6(mapped), 96..) = (network, length)
            && let Some(inner) = mapped.to_ipv4_mapped()
        {
            (network, length) = (inner.into(), length - 96);
        }
        let start = start_of(network, length);
        if start != network {
            return Err(InvalidAddressRange(format!(
                "{text:?} does not begin with the first address of its range: write {start}/{length}"
            )));
        }
        Ok(Self { network, length })
    }
}

/// Returns the first address of a range.
fn start_of(address: IpAddr, length: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            Ipv4Addr::from(u32::from(address) & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            Ipv6Addr::from(u128::from(address) & mask).into()
        }
    }
}

impl From<IpAddr> for AddressRange {
    /// Creates the range of a single address.
    fn from(address: IpAddr) -> Self {
        let network = address.to_canonical();
        Self { network, length: if network.is_ipv4() { 32 } else { 128 } }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

impl fmt::Display for InvalidAddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidAddressRange {}

/// Address ranges that connections are denied to. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct DeniedAddresses(Arc<[AddressRange]>);

impl DeniedAddresses {
    /// Returns these ranges with more added.
    pub fn and(&self, more: impl IntoIterator<Item = AddressRange>) -> Self {
        Self(self.iter().chain(more).collect())
    }

    /// Reports whether no range is denied.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the ranges.
    pub fn iter(&self) -> impl Iterator<Item = AddressRange> {
        self.0.iter().copied()
    }

    /// Reports whether an address is in one of the ranges.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_range_contains_exactly_its_addresses() {
        for (text, inside, outside) in [
            (
                "203.0.113.0/24",
                &["203.0.113.0", "203.0.113.255"][..],
                &["203.0.112.255", "::1"][..],
            ),
            ("203.0.113.7", &["203.0.113.7"], &["203.0.113.6", "203.0.113.8"]),
            ("203.0.113.7/32", &["203.0.113.7"], &["203.0.113.6"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], &["2600::1"]),
            ("2001:db8::/32", &["2001:db8::", "2001:db8:ffff::1"], &["2001:db9::", "1.2.3.4"]),
            ("2600::beef", &["2600::beef"], &["2600::beee"]),
            ("::/0", &["::", "2600::1"], &["1.2.3.4"]),
            ("::ffff:203.0.113.0/120", &["203.0.113.9", "::ffff:203.0.113.9"], &["203.0.112.9"]),
        ] {
            for address in inside {
                assert!(range(text).contains(address.parse().unwrap()), "{text} {address}");
            }
            for address in outside {
                assert!(!range(text).contains(address.parse().unwrap()), "{text} {address}");
            }
        }
    }

    #[test]
    fn an_ipv4_address_is_found_in_the_ipv6_addresses_that_carry_it() {
        for address in [
            "::203.0.113.7",
            "::ffff:203.0.113.7",
            "::ffff:0:203.0.113.7",
            "64:ff9b::203.0.113.7",
            "64:ff9b:1::203.0.113.7",
            "2002:cb00:7107::1",
            "2001:0:cb00:7107::1",
            "2001:0:1:1:0:0:34ff:8ef8",
            "2600::5efe:203.0.113.7",
            "2600::200:5efe:203.0.113.7",
        ] {
            assert!(range("203.0.113.7").contains(address.parse().unwrap()), "{address}");
            assert!(!range("203.0.113.8").contains(address.parse().unwrap()), "{address}");
        }
        assert!(!range("203.0.113.7").contains("2600::cb00:7107".parse().unwrap()));
    }

    #[test]
    fn what_is_not_a_range_is_refused_with_what_to_write_instead() {
        for text in [
            "",
            "/",
            "203.0.113",
            "203.0.113.0/",
            "203.0.113.0/33",
            "203.0.113.0/+24",
            "203.0.113.0/24/1",
            "2001:db8::/129",
            "2001:db8::/-1",
            "files.example",
            " 203.0.113.0/24",
            "[2001:db8::]/32",
        ] {
            let error = text.parse::<AddressRange>().expect_err(text);
            assert!(error.to_string().contains("2001:db8::/32"), "{error}");
        }
        for (text, right) in [
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("::ffff:203.0.113.7/120", "203.0.113.0/24"),
        ] {
            let error = text.parse::<AddressRange>().expect_err(text);
            assert!(error.to_string().ends_with(&format!("write {right}")), "{error}");
            assert_eq!(range(right).to_string(), right);
        }
    }
}
