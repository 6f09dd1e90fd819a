//! Who may register at all: addresses and networks, as `seats.phone_sources` lists them. Pure.

use std::net::IpAddr;

/// A list that may be empty: then nobody may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Sources {
    /// From `10.1.2.3`, `192.168.1.0/24`, `2001:db8::/32`; the error is the entry that is none of these.
    pub fn parse(list: &[String]) -> Result<Self, String> {
        list.iter().map(|text| Network::parse(text).ok_or_else(|| text.clone())).collect::<Result<_, _>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn hold(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(width);
        (prefix <= width).then_some(Self { address, prefix })
    }

    fn holds(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differs = ours.to_bits() ^ theirs.to_bits();
                differs.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differs = ours.to_bits() ^ theirs.to_bits();
                differs.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &[&str], address: &str, expected: bool) {
        let list: Vec<String> = list.iter().map(|text| text.to_string()).collect();
        assert_eq!(Sources::parse(&list).unwrap().hold(address.parse().unwrap()), expected, "{address} in {list:?}");
    }

    #[test]
    fn an_address_is_let_in_by_the_network_that_holds_it() {
        check(&["192.168.1.0/24"], "192.168.1.255", true);
        check(&["192.168.1.0/24"], "192.168.2.1", false);
        check(&["192.168.1.77/24"], "192.168.1.1", true);
        check(&["10.1.2.3"], "10.1.2.3", true);
        check(&["10.1.2.3"], "10.1.2.4", false);
        check(&["10.0.0.0/31", "172.16.0.0/12"], "172.31.255.255", true);
        check(&["0.0.0.0/0"], "203.0.113.9", true);
        check(&["0.0.0.0/0"], "2001:db8::1", false);
        check(&["2001:db8::/32"], "2001:db8:ffff::1", true);
        check(&["2001:db8::/32"], "2001:db9::1", false);
        check(&["::/0"], "::1", true);
        check(&[], "127.0.0.1", false);
    }

    #[test]
    fn an_entry_that_is_no_network_is_named() {
        for text in ["localhost", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "", "10.0.0"] {
            assert_eq!(Sources::parse(&["10.0.0.1".into(), text.into()]), Err(text.into()));
        }
    }
}
