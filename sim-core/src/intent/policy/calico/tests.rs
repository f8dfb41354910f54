//! The selector language, and what it selects.

use super::selector::Selector;

#[test]
fn selectors() {
    let labels = |key: &str| match key {
        "app" => Some("web-1".to_owned()),
        "tier" => Some("a".to_owned()),
        _ => None,
    };
    let cases = [
        ("", true),
        ("all()", true),
        ("app == 'web-1'", true),
        ("app == \"web\"", false),
        ("missing != 'x'", true),
        ("app != 'web-1'", false),
        ("tier in {'a', 'b'} && has(app)", true),
        ("tier not in {'a'}", false),
        ("missing not in { \"a\" }", true),
        ("!has(app) || app starts with 'web'", true),
        ("app ends with '-1' && app contains 'eb-'", true),
        ("!(tier == 'a' || all())", false),
        ("! has(missing) && !(app == 'x')", true),
        // `&&` binds more tightly.
        ("tier == 'a' || tier == 'b' && missing == 'c'", true),
        ("global()", false),
    ];
    for (text, expected) in cases {
        let selector = Selector::parse(text).expect(text);
        assert_eq!(selector.holds(&labels), expected, "{text}");
    }
    let deep = format!("{}all()", "(".repeat(100));
    for wrong in [
        "app =",
        "app == web",
        "has(app",
        "app in {'a'",
        "all() all()",
        "any()",
        "== 'a'",
        &deep,
    ] {
        assert!(Selector::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn selectors_of_namespaces_that_mean_what_has_none() {
    for (text, expected) in [
        ("all()", false),
        ("global()", true),
        ("team == 'a'", false),
        ("projectcalico.org/name != 'a'", true),
        ("!has(team) && team not in {'a'}", true),
        ("!has(team) && all()", false),
        ("has(team) || global()", true),
    ] {
        let selector = Selector::parse(text).expect(text);
        assert_eq!(selector.means_global(), expected, "{text}");
    }
}
