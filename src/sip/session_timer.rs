//! Session timers (RFC 4028): how long a session lives without a refresh, who refreshes it, and what to do when.
//!
//! Pure: takes `now`, sends nothing. Contract: while a session has a timer, [`SessionTimer::deadline`] says when to ask
//! [`SessionTimer::on_deadline`], which is either our refresh or the end of a session that the far end stopped refreshing.
//! Where the RFC leaves it open we are lenient: an interval below our own Min-SE is kept, and a session whose refresh was refused for any
//! reason but 408 and 481 goes on.

use rsipstack::sip::{Header, Headers};
use std::time::{Duration, Instant};

/// The option tag.
pub const OPTION: &str = "timer";
/// RFC 4028 §5: nobody may ask for less.
pub const MIN_SE_S: u32 = 90;
/// A far end that names less would have us do nothing but refresh.
const FLOOR_S: u32 = 2;
/// RFC 4028 §10: whoever waits for a refresh hangs up so long before the end, or a third of the interval before.
const MARGIN_MAX: Duration = Duration::from_secs(32);

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub interval: Duration,
    /// Else the far end does.
    pub we_refresh: bool,
}

/// What a deadline means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Refresh,
    /// The far end has not refreshed the session in time.
    Expired,
}

/// Our reply to the timer of a re-INVITE or UPDATE of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 422 with our Min-SE.
    TooSmall,
    /// Headers of the 2xx, and what holds once it has left.
    Accept { headers: Vec<Header>, terms: Option<Terms> },
}

#[derive(Debug)]
pub struct SessionTimer {
    /// What we ask for; 0 = we have no timers.
    wanted_s: u32,
    min_s: u32,
    /// A 422 was obeyed already.
    raised: bool,
    running: Option<(Terms, Instant)>,
}

impl SessionTimer {
    pub fn new(wanted_s: u32) -> Self {
        Self { wanted_s, min_s: MIN_SE_S, raised: false, running: None }
    }

    pub fn is_on(&self) -> bool {
        self.wanted_s > 0
    }

    /// The headers of an INVITE or a refresh of ours.
    pub fn offer(&self) -> Vec<Header> {
        let (interval_s, refresher) = match self.running {
            Some((terms, _)) => {
                (seconds(terms.interval).max(self.min_s), if terms.we_refresh { ";refresher=uac" } else { "" })
            }
            None => (self.wanted_s, ""),
        };
        if !self.is_on() {
            return vec![];
        }
        vec![
            Header::SessionExpires(format!("{interval_s}{refresher}").into()),
            Header::MinSE(self.min_s.to_string().into()),
        ]
    }

    /// 422: true when a larger interval is worth one more request.
    pub fn raise(&mut self, refusal: &Headers) -> bool {
        let asked = refusal.iter().find_map(|h| match h {
            Header::MinSE(v) => leading_number(v.value()),
            _ => None,
        });
        match asked {
            Some(least_s) if self.is_on() && !self.raised && least_s > self.min_s => {
                self.raised = true;
                self.min_s = least_s;
                self.wanted_s = self.wanted_s.max(least_s);
                true
            }
            Some(_) | None => false,
        }
    }

    /// A 2xx to our INVITE, or to our refresh. One without a timer starts none; a timer that runs goes on.
    pub fn agreed(&mut self, answer: &Headers, now: Instant) {
        let terms = match session_expires(answer) {
            Some((interval_s, refresher)) => Some(Terms {
                interval: interval(interval_s),
                // Without a word it is ours: a refresh too many harms nobody.
                we_refresh: refresher != Some(Refresher::Uas),
            }),
            None => self.running.map(|(terms, _)| terms),
        };
        self.settle(terms.filter(|_| self.is_on()), now);
    }

    /// From now on these terms hold (none: the session lives until somebody hangs up).
    pub fn settle(&mut self, terms: Option<Terms>, now: Instant) {
        self.running = terms.map(|terms| (terms, now + wait(terms)));
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.running.map(|(_, at)| at)
    }

    /// Call when the deadline has passed. A refresh that gets no answer is due again after a quarter of the interval.
    pub fn on_deadline(&mut self, now: Instant) -> Option<Due> {
        let (terms, _) = self.running.filter(|(_, at)| *at <= now)?;
        if terms.we_refresh {
            self.running = Some((terms, now + terms.interval / 4));
            Some(Due::Refresh)
        } else {
            self.running = None;
            Some(Due::Expired)
        }
    }

    /// Our refresh met one of theirs (491): try again after `wait` (RFC 3261 §14.1).
    pub fn put_off(&mut self, now: Instant, wait: Duration) {
        if let Some((_, at)) = &mut self.running {
            *at = now + wait;
        }
    }

    /// What to answer to a re-INVITE or UPDATE.
    pub fn reply_to(&self, request: &Headers) -> Reply {
        if !self.is_on() {
            return Reply::Accept { headers: vec![], terms: None };
        }
        let supported = lists(request, OPTION);
        let (interval_s, we_refresh) = match session_expires(request) {
            Some((interval_s, _)) if interval_s < self.min_s && supported => return Reply::TooSmall,
            Some((interval_s, refresher)) => (interval_s, refresher == Some(Refresher::Uas) || !supported),
            // Not their matter: what is ours to refresh stays ours.
            None => match self.running {
                Some((terms, _)) if terms.we_refresh => (seconds(terms.interval), true),
                Some(_) | None => return Reply::Accept { headers: vec![], terms: None },
            },
        };
        let mut headers = vec![Header::SessionExpires(
            format!("{interval_s};refresher={}", if we_refresh { "uas" } else { "uac" }).into(),
        )];
        if !we_refresh {
            headers.push(Header::Require(OPTION.to_string().into()));
        }
        Reply::Accept { headers, terms: Some(Terms { interval: interval(interval_s), we_refresh }) }
    }

    /// Our Min-SE, for a 422.
    pub fn min_se(&self) -> Header {
        Header::MinSE(self.min_s.to_string().into())
    }
}

/// Whether a refresh that was refused so means that the far end has no such call (RFC 4028 §10).
pub fn is_gone(status: u16) -> bool {
    matches!(status, 408 | 481)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresher {
    Uac,
    Uas,
}

fn session_expires(headers: &Headers) -> Option<(u32, Option<Refresher>)> {
    let value = headers.iter().find_map(|h| match h {
        Header::SessionExpires(v) => Some(v.value().to_ascii_lowercase()),
        _ => None,
    })?;
    let refresher = value.split(';').skip(1).find_map(|p| {
        let (name, value) = p.split_once('=')?;
        match (name.trim(), value.trim()) {
            ("refresher", "uac") => Some(Refresher::Uac),
            ("refresher", "uas") => Some(Refresher::Uas),
            _ => None,
        }
    });
    Some((leading_number(&value)?, refresher))
}

fn leading_number(value: &str) -> Option<u32> {
    value.split(';').next()?.trim().parse().ok()
}

/// Whether Supported or Require names the option.
fn lists(headers: &Headers, option: &str) -> bool {
    let named = |value: &str| value.split(',').any(|tag| tag.trim().eq_ignore_ascii_case(option));
    headers.iter().any(|h| match h {
        Header::Supported(v) => named(v.value()),
        Header::Require(v) => named(v.value()),
        _ => false,
    })
}

fn interval(seconds: u32) -> Duration {
    Duration::from_secs(seconds.max(FLOOR_S).into())
}

fn seconds(interval: Duration) -> u32 {
    u32::try_from(interval.as_secs()).unwrap_or(u32::MAX)
}

fn wait(terms: Terms) -> Duration {
    if terms.we_refresh { terms.interval / 2 } else { terms.interval - MARGIN_MAX.min(terms.interval / 3) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;
    use rsipstack::sip::Response;

    fn headers(lines: &str) -> Headers {
        Response::try_from(format!("SIP/2.0 200 OK\r\n{lines}\r\n").as_str()).unwrap().headers
    }

    fn text(headers: &[Header]) -> Vec<String> {
        headers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_answer_decides_when_we_refresh_or_hang_up() {
        for (answer, expected) in [
            ("Session-Expires: 1800;refresher=uac\r\n", Some((900, Due::Refresh))),
            ("x: 1800; Refresher=UAC\r\n", Some((900, Due::Refresh))),
            ("Session-Expires: 1800\r\n", Some((900, Due::Refresh))),
            ("Session-Expires: 1800;refresher=uas\r\n", Some((1768, Due::Expired))),
            ("Session-Expires: 90;refresher=uas\r\n", Some((60, Due::Expired))),
            ("Session-Expires: 0;refresher=uac\r\n", Some((1, Due::Refresh))),
            ("Session-Expires: soon\r\n", None),
            ("", None),
        ] {
            let (mut timer, now) = (SessionTimer::new(1800), monotonic());
            timer.agreed(&headers(answer), now);
            assert_eq!(timer.on_deadline(now), None, "{answer}");
            let got = timer.deadline().map(|at| ((at - now).as_secs(), timer.on_deadline(at).unwrap()));
            assert_eq!(got, expected, "{answer}");
            let mut off = SessionTimer::new(0);
            off.agreed(&headers(answer), now);
            assert_eq!((off.deadline(), off.offer()), (None, vec![]));
        }
    }

    #[test]
    fn a_refresh_moves_the_deadline_and_one_without_an_answer_is_due_again() {
        let (mut timer, now) = (SessionTimer::new(1800), monotonic());
        let at = |s: u64| now + Duration::from_secs(s);
        timer.agreed(&headers("Session-Expires: 400;refresher=uac\r\n"), now);
        assert_eq!(timer.on_deadline(at(200)), Some(Due::Refresh));
        assert_eq!(text(&timer.offer()), ["Session-Expires: 400;refresher=uac", "Min-SE: 90"]);
        assert_eq!(timer.deadline(), Some(at(300)));
        timer.put_off(at(201), Duration::from_secs(3));
        assert_eq!(timer.deadline(), Some(at(204)));
        assert_eq!(timer.on_deadline(at(204)), Some(Due::Refresh));
        timer.agreed(&headers(""), at(205));
        assert_eq!(timer.deadline(), Some(at(405)), "an answer without a timer leaves ours running");
        timer.agreed(&headers("Session-Expires: 400;refresher=uas\r\n"), at(405));
        assert_eq!(timer.on_deadline(at(405 + 368)), Some(Due::Expired));
        assert_eq!(timer.deadline(), None);
    }

    #[test]
    fn a_422_is_obeyed_once() {
        let mut timer = SessionTimer::new(600);
        assert_eq!(text(&timer.offer()), ["Session-Expires: 600", "Min-SE: 90"]);
        assert!(!timer.raise(&headers("")) && !timer.raise(&headers("Min-SE: 60\r\n")));
        assert!(timer.raise(&headers("Min-SE: 3600\r\n")));
        assert_eq!(text(&timer.offer()), ["Session-Expires: 3600", "Min-SE: 3600"]);
        assert!(!timer.raise(&headers("Min-SE: 7200\r\n")));
        assert!(!SessionTimer::new(0).raise(&headers("Min-SE: 3600\r\n")));
    }

    #[test]
    fn their_refresh_is_answered_with_who_refreshes() {
        let uac = ["Session-Expires: 600;refresher=uac", "Require: timer"].as_slice();
        let uas = ["Session-Expires: 600;refresher=uas"].as_slice();
        for (request, expected) in [
            ("Supported: timer\r\nSession-Expires: 600\r\n", Some((uac, Some(false)))),
            ("Supported: 100rel, timer\r\nSession-Expires: 600;refresher=uac\r\n", Some((uac, Some(false)))),
            ("Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", Some((uas, Some(true)))),
            ("Session-Expires: 600\r\n", Some((uas, Some(true)))),
            ("Supported: timer\r\nSession-Expires: 30\r\n", None),
            ("Supported: timer\r\n", Some((&[], None))),
        ] {
            let got = match SessionTimer::new(1800).reply_to(&headers(request)) {
                Reply::TooSmall => None,
                Reply::Accept { headers, terms } => Some((text(&headers), terms.map(|t| t.we_refresh))),
            };
            let expected =
                expected.map(|(lines, who)| (lines.iter().map(ToString::to_string).collect::<Vec<_>>(), who));
            assert_eq!(got, expected, "{request}");
        }
        let off = SessionTimer::new(0).reply_to(&headers("Supported: timer\r\nSession-Expires: 30\r\n"));
        assert_eq!(off, Reply::Accept { headers: vec![], terms: None });
    }

    #[test]
    fn what_is_ours_to_refresh_stays_ours_when_they_say_nothing() {
        let mut timer = SessionTimer::new(1800);
        timer.agreed(&headers("Session-Expires: 600;refresher=uac\r\n"), monotonic());
        match timer.reply_to(&headers("")) {
            Reply::Accept { headers, terms } => {
                assert_eq!(text(&headers), ["Session-Expires: 600;refresher=uas"]);
                assert!(terms.unwrap().we_refresh);
            }
            Reply::TooSmall => panic!("refused"),
        }
    }
}
