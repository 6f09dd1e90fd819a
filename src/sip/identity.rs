//! Who we say we are on one trunk: From, P-Asserted-Identity and P-Preferred-Identity (RFC 3325), Remote-Party-ID (the draft that
//! older switches know), Privacy (RFC 3323), and which of several numbers a visit shows.
//!
//! Pure. The number is sent as it is configured. Not here: the tag of From, who trusts whom (the carrier decides what it believes),
//! RFC 8224 signatures.

use crate::config;
use rsipstack::sip::{Header, HostWithPort};
use sha2::{Digest, Sha256};

const NAME_MAX: usize = 64;

/// The header that carries the number beside From.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    None,
    Asserted,
    Preferred,
    RemoteParty,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "none" => Self::None,
            "p_asserted" => Self::Asserted,
            "p_preferred" => Self::Preferred,
            "remote_party" => Self::RemoteParty,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug)]
pub struct Identity {
    /// The numbers that may be shown; never empty.
    callers: Vec<String>,
    kind: Kind,
    privacy: bool,
    /// `sip`, or `sips` where the trunk's own uri says so (RFC 3261 §8.1.1.3).
    scheme: &'static str,
    /// `HOST[:PORT]`.
    host: String,
    from_user: Option<String>,
    /// Quoted.
    name: Option<String>,
}

impl Identity {
    /// `host` is the trunk's. The error is the key, its value and what is wanted.
    pub fn from_config(
        config: &config::Trunk,
        host: &HostWithPort,
    ) -> Result<Self, (&'static str, String, &'static str)> {
        const USER: &str = "want what may stand before the @ of a sip address";
        let kind = Kind::parse(&config.identity);
        let kind =
            kind.ok_or(("identity", config.identity.clone(), "want none, p_asserted, p_preferred or remote_party"))?;
        let mut callers: Vec<String> = config.caller_id.iter().chain(&config.caller_ids).cloned().collect();
        if callers.is_empty() {
            callers.push(config.username.clone().unwrap_or_else(|| "huifang".into()));
        }
        for (place, caller) in callers.iter().enumerate() {
            let key = if place == 0 && config.caller_id.is_some() { "caller_id" } else { "caller_ids" };
            let key = if config.caller_id.is_none() && config.caller_ids.is_empty() { "username" } else { key };
            if !is_user(caller) {
                return Err((key, caller.clone(), USER));
            }
        }
        if let Some(user) = config.from_user.as_ref().filter(|user| !is_user(user)) {
            return Err(("from_user", user.clone(), USER));
        }
        let host = match &config.from_host {
            None => host.to_string(),
            Some(own) if is_host(own) => own.clone(),
            Some(other) => return Err(("from_host", other.clone(), "want HOST or HOST:PORT")),
        };
        if let Some(name) = &config.display_name
            && (name.chars().count() > NAME_MAX || name.chars().any(char::is_control))
        {
            return Err(("display_name", name.clone(), "want at most 64 printable characters"));
        }
        let name = config.display_name.as_deref().filter(|name| !name.is_empty()).map(quoted);
        let scheme = if config.uri.starts_with("sips:") { "sips" } else { "sip" };
        Ok(Self { callers, kind, scheme, privacy: config.privacy, host, from_user: config.from_user.clone(), name })
    }

    /// The number that this visit shows: the one that its customer has seen, where this trunk may show it; else one that is always the
    /// same for the same visit.
    pub fn caller(&self, visit: &str, shown_before: Option<&str>) -> &str {
        if let Some(known) = self.callers.iter().find(|caller| Some(caller.as_str()) == shown_before) {
            return known;
        }
        let digest = Sha256::digest(visit);
        let number = u64::from_be_bytes(std::array::from_fn(|i| digest[i]));
        &self.callers[(number % self.callers.len() as u64) as usize]
    }

    /// The value of From without its tag.
    pub fn from(&self, caller: &str) -> String {
        if self.privacy {
            return "\"Anonymous\" <sip:anonymous@anonymous.invalid>".into();
        }
        self.address(self.from_user.as_deref().unwrap_or(caller))
    }

    /// The user part of Contact, which must not tell what From withholds.
    pub fn contact_user<'a>(&self, caller: &'a str) -> &'a str {
        if self.privacy { "anonymous" } else { caller }
    }

    /// What stands in an INVITE beside From.
    pub fn headers(&self, caller: &str) -> Vec<Header> {
        let address = self.address(caller);
        let mut headers = match self.kind {
            Kind::None => vec![],
            Kind::Asserted => vec![Header::PAssertedIdentity(address.into())],
            Kind::Preferred => vec![Header::PPreferredIdentity(address.into())],
            Kind::RemoteParty => {
                let privacy = if self.privacy { "full" } else { "off" };
                let value = format!("{address};party=calling;screen=yes;privacy={privacy}");
                vec![Header::Other("Remote-Party-ID".into(), value)]
            }
        };
        if self.privacy {
            headers.push(Header::Privacy("id".to_string().into()));
        }
        headers
    }

    /// `sip:account@…`: what is registered.
    pub fn address_of_record(&self, account: &str) -> String {
        format!("<{}:{account}@{}>", self.scheme, self.host)
    }

    /// `"name" <sip:user@host>`.
    fn address(&self, user: &str) -> String {
        let address = format!("<{}:{user}@{}>", self.scheme, self.host);
        match &self.name {
            Some(name) => format!("{name} {address}"),
            None => address,
        }
    }
}

/// RFC 3261 §25.1, `user` without escapes.
fn is_user(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-_.!~*'()&=$,;?/".contains(&b))
}

fn is_host(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b);
    !text.is_empty() && text.bytes().all(plain) && HostWithPort::try_from(text).is_ok()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(extra: &str) -> Result<Identity, (&'static str, String, &'static str)> {
        let config: config::Trunk = toml::from_str(&format!("name = \"a\"\nuri = \"sip:h\"\n{extra}")).unwrap();
        Identity::from_config(&config, &HostWithPort::try_from("gw.cn:5080").unwrap())
    }

    /// Every header of an INVITE that says who calls.
    fn shown(extra: &str) -> String {
        let identity = identity(extra).unwrap();
        let caller = identity.caller("v", None).to_string();
        let headers = identity.headers(&caller).iter().map(|h| format!(" | {h}")).collect::<String>();
        format!("{} @{}{headers}", identity.from(&caller), identity.contact_user(&caller))
    }

    #[test]
    fn the_number_stands_where_the_carrier_looks_for_it() {
        for (extra, expected) in [
            ("caller_id = \"4006589888\"", "<sip:4006589888@gw.cn:5080> @4006589888"),
            ("caller_id = \"+864006589888\"", "<sip:+864006589888@gw.cn:5080> @+864006589888"),
            ("username = \"u\"\npassword = \"p\"", "<sip:u@gw.cn:5080> @u"),
            ("", "<sip:huifang@gw.cn:5080> @huifang"),
            (
                "caller_id = \"400\"\nidentity = \"p_asserted\"",
                "<sip:400@gw.cn:5080> @400 | P-Asserted-Identity: <sip:400@gw.cn:5080>",
            ),
            (
                "caller_id = \"400\"\nidentity = \"p_preferred\"\nfrom_user = \"8001\"\nfrom_host = \"ims.cn\"",
                "<sip:8001@ims.cn> @400 | P-Preferred-Identity: <sip:400@ims.cn>",
            ),
            (
                "caller_id = \"400\"\nidentity = \"remote_party\"\ndisplay_name = \"雷沃 \\\"服务\\\"\"",
                "\"雷沃 \\\"服务\\\"\" <sip:400@gw.cn:5080> @400 | Remote-Party-ID: \"雷沃 \\\"服务\\\"\" \
                 <sip:400@gw.cn:5080>;party=calling;screen=yes;privacy=off",
            ),
            (
                "caller_id = \"400\"\nidentity = \"p_asserted\"\nprivacy = true\ndisplay_name = \"x\"",
                "\"Anonymous\" <sip:anonymous@anonymous.invalid> @anonymous | P-Asserted-Identity: \"x\" \
                 <sip:400@gw.cn:5080> | Privacy: id",
            ),
            (
                "caller_id = \"400\"\nidentity = \"remote_party\"\nprivacy = true",
                "\"Anonymous\" <sip:anonymous@anonymous.invalid> @anonymous | Remote-Party-ID: \
                 <sip:400@gw.cn:5080>;party=calling;screen=yes;privacy=full | Privacy: id",
            ),
        ] {
            assert_eq!(shown(extra), expected, "{extra}");
        }
    }

    #[test]
    fn one_visit_shows_one_number_and_many_visits_share_them_all() {
        let identity = identity("caller_id = \"1\"\ncaller_ids = [\"2\", \"3\"]").unwrap();
        let mut seen = std::collections::BTreeMap::<&str, u32>::new();
        let visits: Vec<String> = (0..300).map(|n| format!("visit-{n}")).collect();
        for visit in &visits {
            let caller = identity.caller(visit, None);
            assert_eq!(identity.caller(visit, None), caller);
            assert_eq!(identity.caller(visit, Some("of another trunk")), caller);
            assert_eq!(identity.caller(visit, Some("2")), "2", "what the customer has seen stays");
            *seen.entry(caller).or_default() += 1;
        }
        assert!(seen.len() == 3 && seen.values().all(|n| *n > 60), "{seen:?}");
    }

    #[test]
    fn a_key_that_cannot_be_kept_is_named() {
        for (extra, expected) in [
            ("identity = \"pai\"", "identity"),
            ("caller_id = \"a b\"", "caller_id"),
            ("caller_id = \"\"", "caller_id"),
            ("caller_ids = [\"1\", \"2@h\"]", "caller_ids"),
            ("from_user = \"a@b\"", "from_user"),
            ("from_host = \"a b\"", "from_host"),
            ("from_host = \"a>;tag=1\"", "from_host"),
            ("display_name = \"a\\nb\"", "display_name"),
        ] {
            assert_eq!(identity(extra).unwrap_err().0, expected, "{extra}");
        }
    }
}
