//! A verdict in another language: a table of sentences, and how a text is matched against it.
//!
//! The verdict itself is English, so that its bytes do not depend on who reads it. Here each of its texts is taken
//! apart by the pattern that it was written with, and put together again by the pattern's translation. Names,
//! addresses, rules and commands stay as they are.

mod balancer;
mod cloud;
mod device;
mod evidence;
mod intent;
mod journey;
mod kernel;
mod names;
mod netfilter;
mod nft;
mod policy;
mod question;
mod walk;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::iter::Peekable;

use super::{Branch, Finding, HopStep, Lang, Verdict, catalogue};

/// English and its translation; `{0}`, `{1}` … stand for what differs, in the order of the English.
pub type Sentence = (&'static str, &'static str);

/// Texts that hold texts that hold texts: no real one is deeper.
const DEEPEST: usize = 12;

/// Fewer letters than this do not tell a sentence from another.
const TELLING: usize = 10;

/// What joins sentences; outermost first.
const SENTENCES_JOINED: &[Sentence] = &[("; ", "；"), (": ", "：")];

/// What joins the parts of one.
const PARTS_JOINED: &[Sentence] = &[(", ", "，"), (" and ", " 和 "), (" or ", " 或 ")];

/// Every sentence of the table.
pub fn sentences() -> impl Iterator<Item = &'static Sentence> {
    [
        question::SENTENCES,
        intent::SENTENCES,
        policy::SENTENCES,
        names::SENTENCES,
        journey::SENTENCES,
        walk::SENTENCES,
        balancer::SENTENCES,
        cloud::SENTENCES,
        device::SENTENCES,
        netfilter::SENTENCES,
        nft::SENTENCES,
        kernel::SENTENCES,
        evidence::SENTENCES,
    ]
    .into_iter()
    .flatten()
}

impl Verdict {
    /// The same verdict with its texts in `lang`. Its own are English.
    #[must_use]
    pub fn in_language(&self, lang: Lang) -> Self {
        let mut verdict = self.clone();
        if lang == Lang::En {
            return verdict;
        }
        let translator = Translator::new();
        let texts = verdict.assumptions.iter_mut().chain(&mut verdict.settle);
        let reasons = verdict.gaps.iter_mut().map(|gap| &mut gap.reason);
        texts.chain(reasons).for_each(|text| translator.put(text));
        for leg in &mut verdict.legs {
            translator.put(&mut leg.name);
            translator.steps(&mut leg.steps);
            translator.branches(&mut leg.branches);
        }
        translator.branches(&mut verdict.branches);
        for one in &mut verdict.intended {
            translator.put(&mut one.message);
        }
        for finding in &mut verdict.findings {
            translator.finding(finding, lang);
        }
        verdict
    }
}

/// One text of ours (an error about a question, say) in `lang`.
#[must_use]
pub fn text_in(lang: Lang, text: &str) -> String {
    match lang {
        Lang::En => text.to_owned(),
        Lang::Zh => Translator::new().text(text),
    }
}

/// Translates texts, each part once.
struct Translator {
    patterns: Vec<Pattern>,
    /// Patterns by the first word of those that begin with one.
    by_word: BTreeMap<&'static str, Vec<usize>>,
    /// Those that begin with something that differs.
    open: Vec<usize>,
    /// What became of each text and each part of one.
    done: RefCell<BTreeMap<String, Option<String>>>,
}

impl Translator {
    fn new() -> Self {
        let mut patterns: Vec<Pattern> = sentences().map(|(en, zh)| Pattern::new(en, zh)).collect();
        // The first that fits is the one that says most; equals stay in the table's order.
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.weight));
        let mut by_word: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let mut open = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            match pattern.first_word() {
                Some(word) => by_word.entry(word).or_default().push(index),
                None => open.push(index),
            }
        }
        Self {
            patterns,
            by_word,
            open,
            done: RefCell::default(),
        }
    }

    fn put(&self, text: &mut String) {
        *text = self.text(text);
    }

    fn branches(&self, branches: &mut [Branch]) {
        for branch in branches {
            for hop in branch.hops.iter_mut().chain(&mut branch.reply.hops) {
                self.steps(&mut hop.steps);
            }
        }
    }

    fn steps(&self, steps: &mut [HopStep]) {
        steps.iter_mut().for_each(|step| self.put(&mut step.text));
    }

    fn finding(&self, finding: &mut Finding, lang: Lang) {
        self.put(&mut finding.message);
        (finding.nearest.iter_mut()).for_each(|near| self.put(&mut near.text));
        match catalogue::find(&finding.code) {
            Some(entry) => entry.fix.get(lang).clone_into(&mut finding.fix),
            None => self.put(&mut finding.fix),
        }
    }

    fn text(&self, text: &str) -> String {
        self.translate(text, 0).unwrap_or_else(|| text.to_owned())
    }

    /// `None` where nothing in it is known: names, rules, commands.
    fn translate(&self, text: &str, depth: usize) -> Option<String> {
        if depth > DEEPEST {
            return None;
        }
        if let Some(done) = self.done.borrow().get(text) {
            return done.clone();
        }
        let translated = self.taken_apart(text, depth);
        self.done
            .borrow_mut()
            .insert(text.to_owned(), translated.clone());
        translated
    }

    fn taken_apart(&self, text: &str, depth: usize) -> Option<String> {
        let place = text
            .strip_suffix(')')
            .and_then(|text| text.rsplit_once(" ("));
        if let Some((text, place)) = place.filter(|(_, place)| is_place(place)) {
            let text = self.translate(text, depth + 1)?;
            return Some(format!("{text}（{place}）"));
        }
        (self.sentence(text, depth, Pattern::keeps_sentences_whole))
            .or_else(|| self.compound(text, depth, SENTENCES_JOINED))
            .or_else(|| self.sentence(text, depth, |_, _| true))
            .or_else(|| self.compound(text, depth, PARTS_JOINED))
    }

    /// The sentence that says most of `text`, among those whose parts `fit`.
    fn sentence(
        &self,
        text: &str,
        depth: usize,
        fit: impl Fn(&Pattern, &[&str]) -> bool,
    ) -> Option<String> {
        let word = text.split(' ').next().unwrap_or_default();
        let begun = self.by_word.get(word).into_iter().flatten().peekable();
        let open = self.open.iter().peekable();
        heaviest_first(begun, open)
            .filter_map(|index| self.patterns.get(index))
            .filter_map(|pattern| Some((pattern, pattern.parts(text)?)))
            .filter(|(pattern, parts)| pattern.is_telling(parts) && fit(pattern, parts))
            .find_map(|(pattern, parts)| self.put_together(pattern, &parts, depth))
    }

    /// The translation with its holes filled. A sentence of few letters fits much that it does not mean: it counts
    /// only where its parts are known or single words.
    fn put_together(&self, pattern: &Pattern, parts: &[&str], depth: usize) -> Option<String> {
        let mut translated = Vec::with_capacity(parts.len());
        for (hole, part) in parts.iter().enumerate() {
            let known = match pattern.is_quoted(hole) {
                true => None,
                false => self.translate(part, depth + 1),
            };
            if known.is_none() && part.contains(' ') && pattern.weight < TELLING {
                return None;
            }
            translated.push(known.unwrap_or_else(|| (*part).to_owned()));
        }
        Some(filled(&pattern.zh, &translated))
    }

    /// Two sentences, both known; else parts, one of them known.
    fn compound(&self, text: &str, depth: usize, joints: &[Sentence]) -> Option<String> {
        joints.iter().find_map(|joint| {
            let (en, zh) = joint;
            let parts = split(text, en);
            if parts.len() < 2 {
                return None;
            }
            if parts.len() > 2
                && joints == SENTENCES_JOINED
                && let Some(both) = self.two(text, &parts, joint, depth)
            {
                return Some(both);
            }
            // Two names.
            let mut known = zh.starts_with(' ') && !parts.iter().any(|part| part.contains(' '));
            let mut translated = Vec::with_capacity(parts.len());
            for part in parts {
                let zh = self.translate(part, depth + 1);
                known |= zh.is_some();
                translated.push(zh.unwrap_or_else(|| part.to_owned()));
            }
            known.then(|| translated.join(zh))
        })
    }

    /// Two sentences, one of which holds the joint itself.
    fn two(&self, text: &str, parts: &[&str], (en, zh): &Sentence, depth: usize) -> Option<String> {
        let mut end = 0;
        parts.iter().find_map(|part| {
            end += part.len();
            let (one, rest) = text.split_at_checked(end)?;
            end += en.len();
            let one = self.sentence(one, depth + 1, Pattern::keeps_sentences_whole)?;
            let other = rest.strip_prefix(en)?;
            let other = self.sentence(other, depth + 1, Pattern::keeps_sentences_whole)?;
            Some(format!("{one}{zh}{other}"))
        })
    }
}

/// One sentence, taken apart.
struct Pattern {
    /// What is written before the first hole.
    first: &'static str,
    /// What is written after each hole.
    after: Vec<&'static str>,
    zh: String,
    /// How many bytes are written and do not differ.
    weight: usize,
}

impl Pattern {
    fn new(en: &'static str, zh: &str) -> Self {
        // `; did you mean {0}?`, ` (it is headless)`: the end of another text.
        let is_tail = en.starts_with([' ', ',', ';', ':']);
        let mut literals = Vec::new();
        let mut rest = en;
        while let Some((literal, after)) = rest.split_once('{') {
            literals.push(literal);
            rest = after.split_once('}').map_or("", |(_, after)| after);
        }
        literals.push(rest);
        let weight = literals.iter().map(|literal| literal.len()).sum();
        let zh = if is_tail { shifted(zh) } else { zh.to_owned() };
        if is_tail {
            literals.insert(0, "");
        }
        let mut literals = literals.into_iter();
        Self {
            first: literals.next().unwrap_or_default(),
            after: literals.collect(),
            zh,
            weight,
        }
    }

    /// Its first word, if no part of it differs.
    fn first_word(&self) -> Option<&'static str> {
        match self.first.split_once(' ') {
            Some((word, _)) => Some(word),
            None if self.after.is_empty() => Some(self.first),
            None => None,
        }
    }

    /// What stands in its holes, if `text` is such a sentence.
    fn parts<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let mut rest = text.strip_prefix(self.first)?;
        let Some((last, between)) = self.after.split_last() else {
            return rest.is_empty().then(Vec::new);
        };
        if self.weight > text.len() || !rest.ends_with(last) {
            return None;
        }
        let mut parts = Vec::with_capacity(self.after.len());
        for literal in between {
            let (part, behind) = rest.split_once(literal)?;
            parts.push(part);
            rest = behind;
        }
        parts.push(rest.strip_suffix(last)?);
        Some(parts)
    }

    /// Whether it says enough to be meant: few letters fit any list.
    fn is_telling(&self, parts: &[&str]) -> bool {
        self.weight >= TELLING || !parts.iter().any(|part| part.contains(", "))
    }

    /// What is written before a hole.
    fn before(&self, hole: usize) -> &'static str {
        match hole.checked_sub(1) {
            Some(previous) => self.after.get(previous).copied().unwrap_or_default(),
            None => self.first,
        }
    }

    /// Whether a hole is for something verbatim.
    fn is_quoted(&self, hole: usize) -> bool {
        let after = self.after.get(hole).copied().unwrap_or_default();
        self.before(hole).ends_with('`') && after.starts_with('`')
    }

    /// Whether no part runs over the end of a sentence, but where this one says so.
    fn keeps_sentences_whole(&self, parts: &[&str]) -> bool {
        parts.iter().enumerate().all(|(hole, part)| {
            let before = self.before(hole).trim_end();
            let after = self.after.get(hole).copied().unwrap_or_default();
            let says_so = before.ends_with([':', ';'])
                || after.starts_with([':', ';'])
                || (hole > 0 && before.is_empty());
            let is_whole = |(joint, _): &Sentence| split(part, joint).len() == 1;
            let closed = part.matches('(').count() == part.matches(')').count();
            self.is_quoted(hole) || closed && (says_so || SENTENCES_JOINED.iter().all(is_whole))
        })
    }
}

/// Both lists of places in the table as one; the smaller the place, the more its sentence says.
fn heaviest_first<'a>(
    mut one: Peekable<impl Iterator<Item = &'a usize>>,
    mut other: Peekable<impl Iterator<Item = &'a usize>>,
) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let from_one = match (one.peek(), other.peek()) {
            (Some(a), Some(b)) => a < b,
            (a, _) => a.is_some(),
        };
        if from_one { one.next() } else { other.next() }.copied()
    })
}

/// `nodes/n1/host/ip-rule.json /0`, `kube/pods.json:12`: where a piece of evidence stands.
fn is_place(text: &str) -> bool {
    let mut words = text.split(' ');
    let is_path = |word: &str| word.contains('/') && !word.contains('`');
    words.next().is_some_and(is_path) && words.all(|word| word.is_empty() || word.starts_with('/'))
}

/// `zh` with its holes counted one up, behind a new first one.
fn shifted(zh: &str) -> String {
    let mut out = String::from("{0}");
    let mut rest = zh;
    while let Some((literal, after)) = rest.split_once('{') {
        let (number, behind) = after.split_once('}').unwrap_or((after, ""));
        let number = number.parse().map_or(0, |number: usize| number + 1);
        out.push_str(&format!("{literal}{{{number}}}"));
        rest = behind;
    }
    out + rest
}

/// `zh` with its holes filled.
fn filled(zh: &str, parts: &[String]) -> String {
    let mut out = String::with_capacity(zh.len());
    let mut rest = zh;
    while let Some((literal, after)) = rest.split_once('{') {
        let (number, behind) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(literal);
        let part = number.parse().ok().and_then(|hole: usize| parts.get(hole));
        out.push_str(part.map_or("", String::as_str));
        rest = behind;
    }
    out + rest
}

/// `text` split at `joint`, but not within backticks or parentheses.
fn split<'t>(text: &'t str, joint: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quoted) = (0, 0_usize, false);
    for (at, c) in text.char_indices() {
        match c {
            '`' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        let here = !quoted && depth == 0 && at >= start;
        if here && text.get(at..).is_some_and(|rest| rest.starts_with(joint)) {
            parts.extend(text.get(start..at));
            start = at + joint.len();
        }
    }
    parts.extend(text.get(start..));
    parts
}
