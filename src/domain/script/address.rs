//! How a customer is addressed and how a number is read out: order data → clips.

use super::prompts::PromptId;
use crate::domain::order::{Customer, Title};
use crate::domain::phone::Phone;

/// The surnames that have clips of their own, and the name of their files.
const SURNAMES: [(char, &str); 20] = [
    ('王', "wang"),
    ('李', "li"),
    ('张', "zhang"),
    ('刘', "liu"),
    ('陈', "chen"),
    ('杨', "yang"),
    ('赵', "zhao"),
    ('黄', "huang"),
    ('周', "zhou"),
    ('吴', "wu"),
    ('徐', "xu"),
    ('孙', "sun"),
    ('马', "ma"),
    ('朱', "zhu"),
    ('胡', "hu"),
    ('郭', "guo"),
    ('何', "he"),
    ('高', "gao"),
    ('林', "lin"),
    ('罗', "luo"),
];

/// C04: the identity question for this customer. A surname without a clip is not guessed at: the owner is asked for instead.
/// A surname without a title is addressed as 师傅, the neutral address of the trade.
pub fn identity_prompts(customer: &Customer) -> Vec<PromptId> {
    let first = customer.name.as_deref().and_then(|n| n.trim().chars().next());
    let Some((_, file)) = SURNAMES.iter().find(|(c, _)| Some(*c) == first) else {
        return vec!["identity_noname".into()];
    };
    match customer.title {
        Some(Title::Mr) => vec![PromptId::new(format!("identity_full/{file}_mr"))],
        Some(Title::Ms) => vec![PromptId::new(format!("identity_full/{file}_ms"))],
        Some(Title::Master) | None => vec!["identity_pre".into(), PromptId::new(format!("name/{file}_master_q"))],
    }
}

/// A phone number digit by digit, 1 read as 幺.
pub fn phone_prompts(phone: &Phone) -> Vec<PromptId> {
    let digits = phone.national().chars().filter(char::is_ascii_digit);
    digits.map(|d| PromptId::new(if d == '1' { "num/d1_yao".to_string() } else { format!("num/d{d}") })).collect()
}

/// Every clip that [`identity_prompts`] and [`phone_prompts`] may name: checked against the manifest at start.
pub(super) fn all_prompts() -> impl Iterator<Item = PromptId> {
    let names = SURNAMES.iter().flat_map(|(_, f)| {
        [format!("identity_full/{f}_mr"), format!("identity_full/{f}_ms"), format!("name/{f}_master_q")]
    });
    let digits = (0..=9).filter(|d| *d != 1).map(|d| format!("num/d{d}"));
    let fixed = ["identity_noname", "identity_pre", "num/d1_yao"].map(String::from);
    names.chain(digits).chain(fixed).map(PromptId::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c04_the_customer_is_asked_for_by_name_and_title_when_there_is_a_clip() {
        let check = |name: Option<&str>, title: Option<Title>, want: &[&str]| {
            let phone = Phone::parse("13800001234").expect("phone");
            let got = identity_prompts(&Customer { name: name.map(String::from), title, phone });
            assert_eq!(got, want.iter().map(|w| PromptId::from(*w)).collect::<Vec<_>>(), "{name:?} {title:?}");
        };
        check(Some("王建国"), Some(Title::Mr), &["identity_full/wang_mr"]);
        check(Some("刘女士"), Some(Title::Ms), &["identity_full/liu_ms"]);
        check(Some("赵"), Some(Title::Master), &["identity_pre", "name/zhao_master_q"]);
        check(Some("马文博"), None, &["identity_pre", "name/ma_master_q"]);
        check(Some("欧阳锋"), Some(Title::Mr), &["identity_noname"]);
        check(Some(""), Some(Title::Mr), &["identity_noname"]);
        check(None, None, &["identity_noname"]);
    }

    #[test]
    fn c24_a_phone_number_is_read_digit_by_digit_without_the_country_code() {
        let ids = phone_prompts(&Phone::parse("+8613904560087").expect("phone"));
        let got: Vec<&str> = ids.iter().map(|p| p.as_str().trim_start_matches("num/")).collect();
        assert_eq!(got.join(" "), "d1_yao d3 d9 d0 d4 d5 d6 d0 d0 d8 d7");
    }
}
