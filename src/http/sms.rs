//! `POST /sms`: the completion SMS, as JSON or as a form, signed if the site has a secret.
//!
//! The signature is HMAC-SHA256 over the raw body, `X-Huifang-Signature: sha256=<hex>`, compared in constant time and checked
//! before anything of the body is read. Idempotency by message id and by order is the engine's.

use super::auth::{Caller, Right};
use super::problem::{Kind, Problem};
use super::view::{View, maybe_instant};
use super::{AppState, limits};
use crate::domain::id::MessageId;
use crate::domain::visit::task::Visit;
use crate::engine::handle::{CompletionSms, SmsAnswer};
use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::{Extension, Form};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use utoipa::ToSchema;

const SIGNATURE: &str = "x-huifang-signature";

/// One completion SMS as the gateway has it.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SmsBody {
    /// The gateway's id; the same id again gets the same answer and changes nothing.
    message_id: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[schema(
        example = "【服务完工】订单FW20250921001，客户王先生13812345678，产品XE215C，服务类型保养，工程师李强，报单小时1520，完工时间2025-09-21 15:20"
    )]
    text: String,
    /// RFC 3339, or local time of the site without offset; now when left out.
    #[serde(default)]
    received_at: Option<String>,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum SmsReply {
    Visit(VisitReply),
    Inbox(InboxReply),
    NoVisit(NoVisitReply),
}

/// A template read it.
#[derive(Debug, Serialize, ToSchema)]
pub struct VisitReply {
    pub visit_id: String,
    pub order_no: String,
    pub due_at: String,
    pub deadline_at: String,
}

/// No template reads it; a person completes it at `/inbox/{inbox_id}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct InboxReply {
    pub inbox_id: String,
    pub reason: String,
}

/// The order is kept and nobody is called: it was not chosen for the share, or no programme is for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoVisitReply {
    pub order_no: String,
    pub reason: String,
}

impl VisitReply {
    pub fn of(visit: &Visit, view: &View<'_>) -> Self {
        Self {
            visit_id: visit.id.to_string(),
            order_no: visit.order_no.to_string(),
            due_at: view.at(visit.due_at),
            deadline_at: view.at(visit.deadline_at),
        }
    }
}

impl SmsReply {
    fn of(answer: SmsAnswer, view: &View<'_>) -> Self {
        match answer {
            SmsAnswer::Accepted { visit_id, order_no, due_at, deadline_at } => Self::Visit(VisitReply {
                visit_id: visit_id.to_string(),
                order_no: order_no.to_string(),
                due_at: view.at(due_at),
                deadline_at: view.at(deadline_at),
            }),
            SmsAnswer::Inbox { inbox_id, reason } => Self::Inbox(InboxReply { inbox_id: inbox_id.to_string(), reason }),
            SmsAnswer::NoVisit { order_no, reason } => {
                Self::NoVisit(NoVisitReply { order_no: order_no.to_string(), reason })
            }
        }
    }
}

/// Hand in a completion SMS
///
/// JSON or `application/x-www-form-urlencoded`. Where `intake.sms.secret` is set the body must be signed:
/// `X-Huifang-Signature: sha256=<hex of HMAC-SHA256 over the raw body>`.
#[utoipa::path(post, path = "/sms", tag = "intake",
    params(("X-Huifang-Signature" = Option<String>, Header, description = "`sha256=<hex>`")),
    request_body(content((SmsBody = "application/json"), (SmsBody = "application/x-www-form-urlencoded"))),
    responses((status = 202, body = SmsReply),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn post(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<(StatusCode, axum::Json<SmsReply>), Problem> {
    caller.may(Right::Intake)?;
    let (parts, body) = request.into_parts();
    let body = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await?;
    if let Some(secret) = &state.sms_secret {
        check_signature(secret, &parts.headers, &body)?;
    }
    let sms = read(&parts.headers, body).await?.into_sms(&state)?;
    let answer = state.commands.accept_sms(sms).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(SmsReply::of(answer, &state.view(&caller)))))
}

async fn read(headers: &HeaderMap, body: Bytes) -> Result<SmsBody, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(axum::Json::from_bytes(&body)?.0),
        "application/x-www-form-urlencoded" => {
            let mut request = Request::post("/").body(Body::from(body)).map_err(Problem::internal)?;
            request.headers_mut().extend(headers.get(header::CONTENT_TYPE).map(|v| (header::CONTENT_TYPE, v.clone())));
            Ok(Form::from_request(request, &()).await?.0)
        }
        other => Err(Problem::new(
            Kind::UnsupportedMediaType,
            format!("{other:?}; send application/json or application/x-www-form-urlencoded"),
        )),
    }
}

impl SmsBody {
    fn into_sms(self, state: &AppState) -> Result<CompletionSms, Problem> {
        Ok(CompletionSms {
            message_id: MessageId::new(limits::text("message_id", &self.message_id, limits::MESSAGE_ID_CHARS)?),
            from: address("from", &self.from)?,
            to: address("to", &self.to)?,
            text: limits::text("text", &self.text, limits::SMS_CHARS)?,
            received_at: maybe_instant("received_at", self.received_at.as_deref(), &state.zone)?
                .unwrap_or_else(|| state.clock.now()),
        })
    }
}

/// A sender or receiver; gateways leave it out at times.
fn address(field: &str, given: &str) -> Result<String, Problem> {
    if given.trim().is_empty() { Ok(String::new()) } else { limits::text(field, given, limits::ADDRESS_CHARS) }
}

fn check_signature(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    let refused = |detail: &str| Problem::new(Kind::BadSignature, detail);
    let given = headers.get(SIGNATURE).ok_or_else(|| refused("X-Huifang-Signature is missing"))?;
    let given = given.to_str().ok().and_then(|value| value.strip_prefix("sha256=")).and_then(unhex);
    let given = given.ok_or_else(|| refused("X-Huifang-Signature is not sha256=<64 hexadecimal digits>"))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(Problem::internal)?;
    mac.update(body);
    mac.verify_slice(&given).map_err(|_| refused("X-Huifang-Signature does not fit the body"))
}

/// 64 hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.trim().chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(value: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(SIGNATURE, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_signature_fits_its_body_and_secret_only() {
        // RFC 4231, test case 2.
        let right = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let body = b"what do ya want for nothing?";
        let check = |secret: &str, header: Option<&str>, body: &[u8], ok: bool| {
            assert_eq!(check_signature(secret, &signed(header), body).is_ok(), ok, "{header:?}");
        };
        check("Jefe", Some(right), body, true);
        check("Jefe", Some(&right.to_uppercase().replace("SHA256", "sha256")), body, true);
        check("Jefe", Some(right), b"what do ya want for nothing!", false);
        check("jefe", Some(right), body, false);
        check("Jefe", None, body, false);
        check("Jefe", Some(&right[7..]), body, false);
        check("Jefe", Some("sha256="), body, false);
        check("Jefe", Some("sha256=zz"), body, false);
        check("Jefe", Some(&right[..70]), body, false);
        check("Jefe", Some(&format!("{right}00")), body, false);
    }
}
