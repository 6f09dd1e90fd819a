//! Who calls, and what they may do: bearer tokens and five roles.
//!
//! | right | admin | supervisor | reviewer | agent | service |
//! |--|--|--|--|--|--|
//! | read everything but SIP traces | ✓ | ✓ | ✓ | ✓ | ✓ |
//! | see telephone numbers plain | ✓ | ✓ | – | – | ✓ |
//! | [`Right::Intake`]: hand in SMS and orders | ✓ | ✓ | – | – | ✓ |
//! | [`Right::Direct`]: dial, reschedule, cancel, complete the inbox, handle complaints | ✓ | ✓ | – | ✓ | – |
//! | [`Right::Review`]: correct scores | ✓ | ✓ | ✓ | – | – |
//! | [`Right::Report`]: hand in monthly reports | ✓ | ✓ | ✓ | ✓ | – |
//! | [`Right::Trace`]: read SIP traces | ✓ | ✓ | ✓ | – | ✓ |
//! | [`Right::Sit`]: take a seat | ✓ | ✓ | – | ✓ | – |
//! | [`Right::Supervise`]: set up and free seats, listen in, end calls, decide on complaints | ✓ | ✓ | – | – | – |
//! | [`Right::Administer`]: read the programmes again | ✓ | – | – | – | – |
//!
//! With `auth.required = false` everyone is an administrator called `nobody`.

use super::AppState;
use super::problem::{Kind, Problem};
use crate::store::token::Role;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Longer ones are refused before they are looked up.
const TOKEN_CHARS: usize = 256;

/// Who sent the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    name: String,
    role: Role,
}

/// What not every role may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    Intake,
    Direct,
    Review,
    Report,
    Trace,
    Sit,
    Supervise,
    Administer,
}

impl Caller {
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), role }
    }

    /// The caller of a site that asks for no token.
    pub fn nobody_asked() -> Self {
        Self::new("nobody", Role::Admin)
    }

    /// Kept with what the caller does.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn sees_phones(&self) -> bool {
        match self.role {
            Role::Admin | Role::Supervisor | Role::Service => true,
            Role::Reviewer | Role::Agent => false,
        }
    }

    /// 403 unless the role has the right.
    pub fn may(&self, right: Right) -> Result<(), Problem> {
        let allowed = match (right, self.role) {
            (_, Role::Admin) => true,
            (Right::Administer, _) => false,
            (_, Role::Supervisor) => true,
            (Right::Intake, role) => role == Role::Service,
            (Right::Direct | Right::Sit, role) => role == Role::Agent,
            (Right::Supervise, _) => false,
            (Right::Review, role) => role == Role::Reviewer,
            (Right::Report, role) => matches!(role, Role::Reviewer | Role::Agent),
            (Right::Trace, role) => matches!(role, Role::Reviewer | Role::Service),
        };
        let words = match right {
            Right::Intake => "hand in SMS or orders",
            Right::Direct => "direct visits",
            Right::Review => "correct scores",
            Right::Report => "hand in reports",
            Right::Trace => "read SIP traces",
            Right::Sit => "take a seat",
            Right::Supervise => "supervise",
            Right::Administer => "administer",
        };
        if allowed {
            Ok(())
        } else {
            Err(Problem::new(Kind::Forbidden, format!("role {} may not {words}", self.role.name())))
        }
    }
}

/// Middleware: finds the caller or answers 401. Handlers read the [`Caller`] from the request's extensions.
pub async fn identify(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    match caller(&state, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn caller(state: &AppState, headers: &HeaderMap) -> Result<Caller, Problem> {
    if !state.auth_required {
        return Ok(Caller::nobody_asked());
    }
    let token = bearer(headers)?;
    match state.store.verify_token(token).await? {
        Some(known) => Ok(Caller::new(known.name, known.role)),
        None => Err(Problem::new(Kind::Unauthenticated, "the token is unknown, revoked or expired")),
    }
}

/// Before the token in the sub-protocols of a WebSocket, whose browser cannot send an Authorization header.
const BEARER_PROTOCOL: &str = "bearer.";

/// The token of a request, not yet known to be one of ours.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    if let Some(offered) = headers.get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok())
        && let Some(token) = offered.split(',').find_map(|one| one.trim().strip_prefix(BEARER_PROTOCOL))
        && (1..=TOKEN_CHARS).contains(&token.len())
    {
        return Ok(token);
    }
    let missing =
        || Problem::new(Kind::Unauthenticated, "send `Authorization: Bearer <token>`; `huifang token add` makes one");
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    let token = token.trim();
    let plausible = scheme.eq_ignore_ascii_case("bearer") && (1..=TOKEN_CHARS).contains(&token.len());
    if plausible { Ok(token) } else { Err(missing()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_the_rights_of_the_table() {
        for (role, intake, direct, review, trace, phones) in [
            (Role::Admin, true, true, true, true, true),
            (Role::Supervisor, true, true, true, true, true),
            (Role::Reviewer, false, false, true, true, false),
            (Role::Agent, false, true, false, false, false),
            (Role::Service, true, false, false, true, true),
        ] {
            let caller = Caller::new("x", role);
            assert_eq!(caller.may(Right::Intake).is_ok(), intake, "{role:?}");
            assert_eq!(caller.may(Right::Direct).is_ok(), direct, "{role:?}");
            assert_eq!(caller.may(Right::Review).is_ok(), review, "{role:?}");
            assert_eq!(caller.may(Right::Trace).is_ok(), trace, "{role:?}");
            assert_eq!(caller.sees_phones(), phones, "{role:?}");
        }
    }

    #[test]
    fn a_token_is_read_from_a_bearer_header_and_nothing_else() {
        let check = |value: &'static str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(bearer(&headers).ok(), expected, "{value}");
        };
        check("Bearer abc", Some("abc"));
        check("bearer  abc ", Some("abc"));
        check("Bearer ", None);
        check("Bearer", None);
        check("Basic abc", None);
        check("abc", None);
        assert!(bearer(&HeaderMap::new()).is_err());
    }
}
