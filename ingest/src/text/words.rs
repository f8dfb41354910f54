//! The page's own words in the language of the texts.

use pathglass_sim::verdict::{Lang, Outcome};

/// A section's name.
pub(crate) fn label(lang: Lang, english: &'static str) -> &'static str {
    match (lang, english) {
        (Lang::En, _) => english,
        (Lang::Zh, "Cause") => "原因",
        (Lang::Zh, "Also") => "另有",
        (Lang::Zh, "Partly") => "部分",
        (Lang::Zh, "Warning") => "警告",
        (Lang::Zh, "Note") => "提示",
        (Lang::Zh, "Confirm") => "确认",
        (Lang::Zh, "First") => "先决",
        (Lang::Zh, "Nearest") => "最近",
        (Lang::Zh, "Fix") => "修复",
        (Lang::Zh, "Path") => "路径",
        (Lang::Zh, "Reply") => "应答",
        (Lang::Zh, "Ways") => "分支",
        (Lang::Zh, "Or") => "或",
        (Lang::Zh, "Possible") => "可能",
        (Lang::Zh, "Intended") => "意图",
        (Lang::Zh, "Settle") => "待定",
        (Lang::Zh, "Assumed") => "假设",
        (Lang::Zh, "Missing") => "缺失",
        (Lang::Zh, "Sealed") => "签名",
        (Lang::Zh, "Receipt") => "凭据",
        (Lang::Zh, _) => english,
    }
}

/// The outcome in a word.
pub(crate) fn outcome(lang: Lang, outcome: Outcome) -> &'static str {
    match (lang, outcome) {
        (Lang::En, _) => super::outcome_word(outcome),
        (Lang::Zh, Outcome::Connected) => "连通",
        (Lang::Zh, Outcome::Refused) => "被拒绝",
        (Lang::Zh, Outcome::Unreachable) => "不可达",
        (Lang::Zh, Outcome::Timeout) => "超时",
        (Lang::Zh, Outcome::Partial) => "部分连通",
        (Lang::Zh, Outcome::Unknown) => "未知",
    }
}

/// One of two texts.
pub(crate) fn say<T>(lang: Lang, en: T, zh: T) -> T {
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}
