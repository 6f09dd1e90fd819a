//! SRTP and SRTCP of one call (RFC 3711) over `rtc-srtp`: datagrams are sealed before they leave and opened before anything looks at them.
//!
//! Pure. While no key is agreed everything passes as it is. After a re-offer with a new key, packets still under way under the old one are
//! opened too. Packets of an SSRC that has proved nothing yet are tried with a fresh context, so strangers cannot fill the memory.
//! Does not do: which keys are agreed (see `sdes`), MKI, GCM.

use super::sdes::{Crypto, MasterKey, OurKeys, Suite};
use rtc_srtp::context::Context;
use rtc_srtp::crypto::RTCCryptoProvider;
use rtc_srtp::crypto::providers::RingProvider;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;
use std::borrow::Cow;

/// Packets in which a repeated one is found out.
const REPLAY_WINDOW: usize = 128;
/// SSRCs of one key; a far end that shows more begins anew.
const MOST_STREAMS: usize = 32;

pub struct Srtp {
    ours: OurKeys,
    /// By [`Suite::index`]; kept over re-offers, as the packet index goes on.
    outbound: [Option<Context>; 2],
    suite: Option<Suite>,
    theirs: Option<Theirs>,
    before: Option<Theirs>,
}

/// The far end's key and what was opened with it.
struct Theirs {
    crypto: Crypto,
    context: Context,
    /// SSRCs whose packets were authentic.
    proven: Vec<u32>,
}

/// The two kinds of datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rtp,
    Rtcp,
}

impl Srtp {
    pub fn new(ours: OurKeys) -> Self {
        Self { ours, outbound: [None, None], suite: None, theirs: None, before: None }
    }

    pub fn ours(&self) -> &OurKeys {
        &self.ours
    }

    pub fn suite(&self) -> Option<Suite> {
        self.suite
    }

    /// A new description came into force; `None`: plain RTP from here.
    pub fn negotiated(&mut self, crypto: Option<&Crypto>) {
        self.suite = crypto.map(|crypto| crypto.suite);
        let Some(crypto) = crypto else {
            (self.theirs, self.before) = (None, None);
            return;
        };
        let outbound = &mut self.outbound[crypto.suite.index()];
        if outbound.is_none() {
            *outbound = context(crypto.suite, self.ours.key(crypto.suite));
        }
        let same = |theirs: &Theirs| theirs.crypto.suite == crypto.suite && theirs.crypto.key == crypto.key;
        if !self.theirs.as_ref().is_some_and(same) {
            self.before = self.theirs.take();
            self.theirs = Theirs::new(crypto.clone());
        }
    }

    /// The datagram as it goes on the wire; `None`: it must not.
    pub fn seal<'a>(&mut self, kind: Kind, datagram: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let Some(suite) = self.suite else { return Some(datagram.into()) };
        let context = self.outbound[suite.index()].as_mut()?;
        let sealed = match kind {
            Kind::Rtp => context.encrypt_rtp(datagram),
            Kind::Rtcp => context.encrypt_rtcp(datagram),
        };
        sealed.ok().map(|bytes| Cow::Owned(bytes.to_vec()))
    }

    /// The plain datagram; `None`: it is not authentic, or a repetition.
    pub fn open<'a>(&mut self, kind: Kind, datagram: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if self.suite.is_none() {
            return Some(datagram.into());
        }
        let plain = [&mut self.theirs, &mut self.before].into_iter().flatten().find_map(|key| key.open(kind, datagram));
        plain.map(Cow::Owned)
    }
}

impl Theirs {
    fn new(crypto: Crypto) -> Option<Self> {
        let context = context(crypto.suite, &crypto.key)?;
        Some(Self { crypto, context, proven: Vec::new() })
    }

    fn open(&mut self, kind: Kind, datagram: &[u8]) -> Option<Vec<u8>> {
        let at = match kind {
            Kind::Rtp => 8,
            Kind::Rtcp => 4,
        };
        let ssrc = u32::from_be_bytes(datagram.get(at..at + 4)?.try_into().ok()?);
        if !self.proven.contains(&ssrc) {
            decrypt(&mut context(self.crypto.suite, &self.crypto.key)?, kind, datagram)?;
            if self.proven.len() >= MOST_STREAMS {
                self.context = context(self.crypto.suite, &self.crypto.key)?;
                self.proven.clear();
            }
            self.proven.push(ssrc);
        }
        decrypt(&mut self.context, kind, datagram)
    }
}

fn decrypt(context: &mut Context, kind: Kind, datagram: &[u8]) -> Option<Vec<u8>> {
    let plain = match kind {
        Kind::Rtp => context.decrypt_rtp(datagram),
        // The crate takes packets that say they are not encrypted without looking at their tag; nobody agreed to such.
        Kind::Rtcp if !says_encrypted(datagram) => return None,
        Kind::Rtcp => context.decrypt_rtcp(datagram),
    };
    plain.ok().map(|bytes| bytes.to_vec())
}

/// The E bit, before the index and the tag of 80 bits (RFC 3711 §3.4).
fn says_encrypted(datagram: &[u8]) -> bool {
    datagram.len().checked_sub(14).and_then(|at| datagram.get(at)).is_some_and(|byte| byte & 0x80 != 0)
}

fn context(suite: Suite, key: &MasterKey) -> Option<Context> {
    let profile = match suite {
        Suite::Sha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        Suite::Sha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
    };
    let (key, salt) = key.parts();
    let (rtp, rtcp) = (srtp_replay_protection(REPLAY_WINDOW), srtcp_replay_protection(REPLAY_WINDOW));
    let context = Context::new(key, salt, profile, Some(rtp), Some(rtcp), RingProvider::new().crypto());
    context.inspect_err(|error| tracing::error!(%error, "srtp cannot be set up")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    /// `srtp_validate` of libsrtp's test driver: key, plain packet and what libsrtp makes of it.
    const KEY: &str = "E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6";
    const PLAIN: &str = "800F1234DECAFBADCAFEBABEABABABABABABABABABABABABABABABAB";
    const SEALED: &str = "800F1234DECAFBADCAFEBABE4E55DC4CE79978D88CA4D215949D2402B78D6ACC99EA179B8DBB";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    fn key(fill: u8) -> MasterKey {
        MasterKey::new([fill; 30])
    }

    fn crypto(suite: Suite, key: MasterKey) -> Crypto {
        Crypto { tag: 1, suite, key }
    }

    /// Two ends that know each other's keys.
    fn pair(suite: Suite) -> (Srtp, Srtp) {
        let (a, b) = ([[1; 30]; 2], [[2; 30]; 2]);
        let (mut ours, mut far) =
            (Srtp::new(OurKeys::new(config::Srtp::Required, a)), Srtp::new(OurKeys::new(config::Srtp::Required, b)));
        ours.negotiated(Some(&crypto(suite, key(2))));
        far.negotiated(Some(&crypto(suite, key(1))));
        (ours, far)
    }

    fn rtp(sequence: u16, ssrc: u8) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        [&[0x80, 8, high, low, 0, 0, 0, 0, 0, 0, 0, ssrc], &[0x55; 160][..]].concat()
    }

    const REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 7];

    #[test]
    fn what_we_seal_is_what_libsrtp_seals() {
        let libsrtp: [u8; 30] = bytes(KEY).try_into().unwrap();
        let mut srtp = Srtp::new(OurKeys::new(config::Srtp::Required, [libsrtp; 2]));
        srtp.negotiated(Some(&crypto(Suite::Sha1_80, MasterKey::new(libsrtp))));
        assert_eq!(srtp.seal(Kind::Rtp, &bytes(PLAIN)).unwrap(), bytes(SEALED));
        assert_eq!(srtp.open(Kind::Rtp, &bytes(SEALED)).unwrap(), bytes(PLAIN));
    }

    #[test]
    fn both_suites_open_what_the_other_end_sealed_and_nothing_else() {
        for suite in Suite::ALL {
            let (mut ours, mut far) = pair(suite);
            for sequence in 65_400..65_700_u32 {
                let plain = rtp(sequence as u16, 3);
                let sealed = far.seal(Kind::Rtp, &plain).unwrap().into_owned();
                assert_ne!(sealed[12..], plain[12..]);
                assert_eq!(ours.open(Kind::Rtp, &sealed).as_deref(), Some(&plain[..]), "{sequence}, over the wrap");
                assert_eq!(ours.open(Kind::Rtp, &sealed), None, "a repetition");
            }
            let report = far.seal(Kind::Rtcp, &REPORT).unwrap().into_owned();
            assert_eq!(ours.open(Kind::Rtcp, &report).as_deref(), Some(&REPORT[..]));
            let mut forged = far.seal(Kind::Rtp, &rtp(200, 3)).unwrap().into_owned();
            forged[20] ^= 1;
            for datagram in [&forged[..], &rtp(201, 3), &rtp(1, 99), &report, &forged[..11], &[]] {
                assert_eq!(ours.open(Kind::Rtp, datagram), None);
                assert_eq!(ours.open(Kind::Rtcp, datagram), None);
            }
        }
    }

    #[test]
    fn a_new_key_is_followed_and_what_is_under_way_under_the_old_one_still_opens() {
        let (mut ours, mut far) = pair(Suite::Sha1_80);
        let first = far.seal(Kind::Rtp, &rtp(1, 3)).unwrap().into_owned();
        let late = far.seal(Kind::Rtp, &rtp(2, 3)).unwrap().into_owned();
        assert!(ours.open(Kind::Rtp, &first).is_some());
        let mut again = Srtp::new(OurKeys::new(config::Srtp::Required, [[9; 30]; 2]));
        again.negotiated(Some(&crypto(Suite::Sha1_80, key(1))));
        ours.negotiated(Some(&crypto(Suite::Sha1_80, key(9))));
        let new = again.seal(Kind::Rtp, &rtp(3, 3)).unwrap().into_owned();
        assert!(ours.open(Kind::Rtp, &new).is_some());
        assert!(ours.open(Kind::Rtp, &late).is_some());
        // Our own key and index went on.
        let sealed = ours.seal(Kind::Rtp, &rtp(7, 4)).unwrap().into_owned();
        assert!(again.open(Kind::Rtp, &sealed).is_some() && far.open(Kind::Rtp, &sealed).is_some());
        ours.negotiated(None);
        assert_eq!(ours.seal(Kind::Rtp, &rtp(8, 4)).as_deref(), Some(&rtp(8, 4)[..]), "plain by agreement");
    }

    #[test]
    fn many_streams_of_one_key_and_of_strangers_cost_no_memory() {
        let (mut ours, mut far) = pair(Suite::Sha1_80);
        for ssrc in 0..100 {
            let sealed = far.seal(Kind::Rtp, &rtp(1, ssrc)).unwrap().into_owned();
            assert!(ours.open(Kind::Rtp, &sealed).is_some());
            assert!(ours.open(Kind::Rtp, &rtp(1, ssrc.wrapping_add(128))).is_none());
        }
        assert!(ours.theirs.unwrap().proven.len() <= MOST_STREAMS);
    }
}
