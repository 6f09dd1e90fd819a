//! 报完工短信: templates that read a completion SMS into an order.
//!
//! Contract: a template is a regular expression with named groups; it must name `order_no`, `phone` and `service_type`. Text and pattern
//! are compared after the same normalisation (full-width to ASCII, traditional to simplified), so `：` in either means `:`. The first
//! template that yields an order wins; what none reads is an [`Unread`] that says what a person should do. Linear time, no panics.
//!
//! Not here: who sent it, whether it is a repeat (the store knows), and the visit it becomes (`visit::task::accept`).

mod builtin;

use super::id::OrderNo;
use super::order::{Claims, Customer, Order, ServiceType, Title};
use super::phone::{BadPhone, Phone};
use super::when;
use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::{Captures, Regex};

/// A long SMS is ten parts of 67 characters; a gateway's JSON may hold more, a completion report does not.
const CHARS_MAX: usize = 1000;
const FIELD_CHARS_MAX: usize = 120;
const TEMPLATES_MAX: usize = 50;
const ORDER_NO_CHARS_MAX: usize = 40;

/// The names a group may have; anything else is a spelling mistake.
const GROUPS: [&str; 20] = [
    "order_no",
    "customer",
    "title",
    "phone",
    "product",
    "machine_no",
    "service_type",
    "engineer",
    "engineer_phone",
    "dealer",
    "dealer_manager_phone",
    "hours",
    "requested_at",
    "arrived_at",
    "finished_at",
    "fault",
    "fix",
    "parts",
    "location",
    "fee",
];
const REQUIRED: [&str; 3] = ["order_no", "phone", "service_type"];

/// An order as a completion SMS states it.
#[derive(Clone, Debug, PartialEq)]
pub struct SmsOrder {
    /// The template that read it.
    pub template: String,
    pub order: Order,
    /// Optional fields that were there and could not be read, e.g. `完工时间“下班前”`; for people.
    pub notes: Vec<String>,
}

/// Why no order came out of a text, as a sentence for the person who completes it by hand. Phone numbers are masked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error("短信是空的")]
    Empty,
    #[error("短信有 {chars} 个字，超过 {CHARS_MAX} 个字的上限")]
    TooLong { chars: usize },
    #[error("没有模板能读懂这条短信（共 {tried} 个模板）；请人工补录，或在 intake.sms.templates 增加模板")]
    NoTemplate { tried: usize },
    #[error("按模板“{template}”读到的客户电话不能拨打：{}；请人工补录电话", why.text_zh())]
    Phone { template: String, why: BadPhone },
    #[error("按模板“{template}”读到的服务类型不认识：“{found}”；请人工选择服务类型")]
    ServiceType { template: String, found: String },
    #[error("按模板“{template}”读到的订单号不能用：“{found}”；请人工补录订单号")]
    OrderNo { template: String, found: String },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("sms template {name:?}: {detail}")]
    Pattern { name: String, detail: String },
    #[error("sms template {name:?}: unknown group {group:?}; known are {known}", known = GROUPS.join(" "))]
    Group { name: String, group: String },
    #[error("sms template {name:?}: the group {group:?} is required")]
    Missing { name: String, group: &'static str },
    #[error("sms template {0:?} is there twice")]
    Twice(String),
    #[error("want 1 to {TEMPLATES_MAX} sms templates, got {0}")]
    Count(usize),
    #[error("sms templates: the table of traditional characters is unreadable: {0}")]
    Conversion(String),
}

/// Compiled templates, tried in order.
pub struct SmsTemplates {
    templates: Vec<Template>,
    simplified: OpenCC,
}

struct Template {
    name: String,
    regex: Regex,
}

impl SmsTemplates {
    /// Compiles `(name, pattern)` pairs.
    pub fn compile<N: AsRef<str>, P: AsRef<str>>(list: &[(N, P)]) -> Result<Self, TemplateError> {
        if list.is_empty() || list.len() > TEMPLATES_MAX {
            return Err(TemplateError::Count(list.len()));
        }
        let simplified =
            OpenCC::from_config(BuiltinConfig::T2s).map_err(|e| TemplateError::Conversion(e.to_string()))?;
        let mut templates: Vec<Template> = Vec::with_capacity(list.len());
        for (name, pattern) in list {
            let (name, pattern) = (name.as_ref(), pattern.as_ref());
            if templates.iter().any(|t| t.name == name) {
                return Err(TemplateError::Twice(name.into()));
            }
            let regex = Regex::new(&half_width_pattern(&simplified.convert(pattern))).map_err(|e| {
                // The message of the regex crate is a drawing over several lines; its last line says what is wrong.
                let detail = e.to_string().lines().last().unwrap_or_default().trim().to_string();
                TemplateError::Pattern { name: name.into(), detail }
            })?;
            check_groups(name, &regex)?;
            templates.push(Template { name: name.into(), regex });
        }
        Ok(Self { templates, simplified })
    }

    /// The four shipped templates.
    pub fn builtin() -> Result<Self, TemplateError> {
        Self::compile(&builtin::TEMPLATES)
    }

    /// Reads one SMS. Dates without a year and words such as 今天 are taken from `received_at` in the site's zone.
    pub fn read(&self, text: &str, received_at: Timestamp, tz: &TimeZone) -> Result<SmsOrder, Unread> {
        let chars = text.chars().count();
        if chars > CHARS_MAX {
            return Err(Unread::TooLong { chars });
        }
        let text = half_width(&self.simplified.convert(text));
        let text = text.trim();
        if text.is_empty() {
            return Err(Unread::Empty);
        }
        let mut first_failure = None;
        for template in &self.templates {
            let Some(found) = template.regex.captures(text).filter(says_something) else { continue };
            match template.order(&found, received_at, tz) {
                Ok(order) => return Ok(order),
                Err(unread) => {
                    first_failure.get_or_insert(unread);
                }
            }
        }
        Err(first_failure.unwrap_or(Unread::NoTemplate { tried: self.templates.len() }))
    }
}

/// A loose template also matches a birthday greeting; without any of the three it has read nothing.
fn says_something(found: &Captures) -> bool {
    REQUIRED.iter().any(|group| found.name(group).is_some_and(|m| !m.as_str().trim().is_empty()))
}

fn check_groups(name: &str, regex: &Regex) -> Result<(), TemplateError> {
    let named: Vec<&str> = regex.capture_names().flatten().collect();
    if let Some(group) = named.iter().find(|group| !GROUPS.contains(group)) {
        return Err(TemplateError::Group { name: name.into(), group: group.to_string() });
    }
    match REQUIRED.into_iter().find(|group| !named.contains(group)) {
        Some(group) => Err(TemplateError::Missing { name: name.into(), group }),
        None => Ok(()),
    }
}

impl Template {
    fn order(&self, found: &Captures, received_at: Timestamp, tz: &TimeZone) -> Result<SmsOrder, Unread> {
        let mut fields = Fields { found, notes: Vec::new(), received_at, tz };
        let template = || self.name.clone();
        let no = fields.raw("order_no").unwrap_or_default();
        if no.is_empty() || no.chars().count() > ORDER_NO_CHARS_MAX || !no.chars().any(|c| c.is_ascii_alphanumeric()) {
            return Err(Unread::OrderNo { template: template(), found: shorten(no) });
        }
        let phone = Phone::parse(fields.raw("phone").unwrap_or_default())
            .map_err(|why| Unread::Phone { template: template(), why })?;
        let printed = fields.raw("service_type").unwrap_or_default();
        let service_type = service_type(printed)
            .ok_or_else(|| Unread::ServiceType { template: template(), found: shorten(printed) })?;
        let title = fields.raw("title").and_then(title);
        let (name, from_name) = split_title(fields.text("customer"));
        let order = Order {
            no: OrderNo::new(no),
            service_type,
            customer: Customer { name, title: title.or(from_name), phone },
            claims: fields.claims(),
        };
        Ok(SmsOrder { template: template(), order, notes: fields.notes })
    }
}

/// The groups of one match; what cannot be read becomes a note.
struct Fields<'a> {
    found: &'a Captures<'a>,
    notes: Vec<String>,
    received_at: Timestamp,
    tz: &'a TimeZone,
}

impl<'a> Fields<'a> {
    fn raw(&self, group: &str) -> Option<&'a str> {
        self.found.name(group).map(|m| m.as_str().trim()).filter(|text| !text.is_empty())
    }

    fn text(&mut self, group: &str) -> Option<String> {
        let text = self.raw(group)?;
        if text.chars().count() > FIELD_CHARS_MAX {
            self.note(group, text);
            return None;
        }
        Some(text.to_string())
    }

    fn read<T>(&mut self, group: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.raw(group)?;
        let value = read(text);
        if value.is_none() {
            self.note(group, text);
        }
        value
    }

    fn instant(&mut self, group: &str) -> Option<Timestamp> {
        let (received_at, tz) = (self.received_at, self.tz);
        self.read(group, |text| when::written(text, received_at, tz))
    }

    fn note(&mut self, group: &str, text: &str) {
        let shown = if group.ends_with("phone") { super::phone::mask(text) } else { shorten(text) };
        self.notes.push(format!("{}“{shown}”没有读懂", label(group)));
    }

    fn claims(&mut self) -> Claims {
        Claims {
            product: self.text("product"),
            machine_no: self.text("machine_no"),
            engineer: self.text("engineer"),
            engineer_phone: self.read("engineer_phone", |text| Phone::parse(text).ok()),
            dealer_manager_phone: self.read("dealer_manager_phone", |text| Phone::parse(text).ok()),
            dealer: self.text("dealer"),
            reported_hours: self.read("hours", |text| quantity(text, &["小时", "H", "h", "时"])),
            requested_at: self.instant("requested_at"),
            arrived_at: self.instant("arrived_at"),
            finished_at: self.instant("finished_at"),
            fault: self.text("fault"),
            fix: self.text("fix"),
            parts: self.text("parts").map(|parts| list(&parts)).unwrap_or_default(),
            location: self.text("location"),
            fee_yuan: self.read("fee", |text| quantity(text, &["元整", "元", "块钱", "块"])),
            ..Claims::default()
        }
    }
}

/// The group's name as people say it.
fn label(group: &str) -> &'static str {
    match group {
        "customer" => "客户",
        "product" => "机型",
        "machine_no" => "机号",
        "engineer" => "工程师",
        "engineer_phone" => "工程师电话",
        "dealer" => "代理商",
        "dealer_manager_phone" => "服务经理电话",
        "hours" => "小时数",
        "requested_at" => "报修时间",
        "arrived_at" => "到达时间",
        "finished_at" => "完工时间",
        "fault" => "故障",
        "fix" => "处理",
        "parts" => "配件",
        "location" => "地点",
        "fee" => "费用",
        _ => "内容",
    }
}

/// The printed type, also behind the machine hours of a service interval: `1000H保养服务`.
fn service_type(printed: &str) -> Option<ServiceType> {
    let printed: String = printed.chars().filter(|c| !c.is_whitespace()).collect();
    ServiceType::parse(&printed).or_else(|| {
        let rest = printed.trim_start_matches(|c: char| c.is_ascii_digit());
        let rest =
            rest.strip_prefix("小时").or(rest.strip_prefix(['H', 'h'])).filter(|_| rest.len() < printed.len())?;
        ServiceType::parse(rest)
    })
}

fn title(text: &str) -> Option<Title> {
    Some(match text {
        "先生" | "男" => Title::Mr,
        "女士" | "小姐" | "女" => Title::Ms,
        "师傅" => Title::Master,
        _ => return None,
    })
}

/// 张建国先生 is a name and a title.
fn split_title(customer: Option<String>) -> (Option<String>, Option<Title>) {
    let Some(customer) = customer else { return (None, None) };
    for word in ["先生", "女士", "小姐", "师傅"] {
        if let Some(name) = customer.strip_suffix(word) {
            return (Some(name.trim().to_string()).filter(|n| !n.is_empty()), title(word));
        }
    }
    (Some(customer), None)
}

/// A number with one of `units` behind it or none.
fn quantity(text: &str, units: &[&str]) -> Option<f64> {
    let text = text.trim();
    let bare = units.iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(text);
    when::number(bare)
}

fn list(text: &str) -> Vec<String> {
    text.split(['、', '/', '+', ' ']).map(str::trim).filter(|p| !p.is_empty()).map(str::to_string).take(30).collect()
}

/// Enough of a text to recognise it in a sentence.
fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(20).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn half(c: char) -> Option<char> {
    match c {
        '\u{3000}' | '\u{a0}' | '\t' => Some(' '),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0),
        _ => None,
    }
}

/// Full-width forms become ASCII; characters that show nothing disappear.
fn half_width(text: &str) -> String {
    let visible =
        |c: &char| *c == '\n' || !(c.is_control() && *c != '\t' || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}'));
    text.chars().filter(visible).map(|c| half(c).unwrap_or(c)).collect()
}

/// The same for a pattern, where a full-width character stands for itself and must not become an operator: `（` is `\(`.
fn half_width_pattern(pattern: &str) -> String {
    pattern.chars().fold(String::new(), |mut all, c| {
        match half(c) {
            Some(ascii) if c != '\t' => all.push_str(&regex::escape(&ascii.to_string())),
            _ => all.push(c),
        }
        all
    })
}

#[cfg(test)]
mod tests;
