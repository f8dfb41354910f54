//! The report as JUnit XML, which CI servers show.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::expectation::Expectations;
use super::report::{Report, question};
use crate::error::CommandError;

/// One suite, named after the expectations file, with a case per flow.
pub(super) fn write(
    report: &Report,
    expectations: &Expectations,
    suite_name: &str,
) -> Result<String, CommandError> {
    let mut suite = TestSuite::new(suite_name);
    for (flow, expectation) in report.flows.iter().zip(&expectations.flows) {
        let status = match &flow.why {
            None => TestCaseStatus::success(),
            Some(why) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                let mut description = question(expectation);
                for finding in &flow.got.findings {
                    description = format!("{description}\n{} {}", finding.code, finding.object);
                }
                if let Some(message) = &flow.message {
                    description = format!("{description}\n{message}");
                }
                status.set_message(why).set_description(description);
                status
            }
        };
        let mut case = TestCase::new(&flow.id, status);
        case.set_classname("pathglass.assert");
        suite.add_test_case(case);
    }
    let mut junit = quick_junit::Report::new("pathglass assert");
    junit.add_test_suite(suite);
    junit
        .to_string()
        .map_err(|error| CommandError::Usage(format!("the report has no XML: {error}")))
}

#[cfg(test)]
mod tests {
    use super::super::report::FlowReport;
    use super::*;

    #[test]
    fn a_flow_that_does_not_hold_is_a_failure_with_its_reason() {
        let expectations = Expectations::parse(
            br#"{"schema": "pathglass.expectations/v1", "flows": [
              {"id": "a < b", "from": "pod:x/y", "to": "10.0.0.1", "port": 80, "expect": "timeout"}]}"#,
        )
        .unwrap();
        let flow = FlowReport::unanswered(
            &expectations.flows[0],
            "expected timeout, got \"x\" \u{1}".into(),
        );
        let xml = write(&Report::of(vec![flow]), &expectations, "e.json").unwrap();
        assert!(xml.contains(r#"errors="0" failures="1""#), "{xml}");
        assert!(xml.contains(r#"name="a &lt; b""#), "{xml}");
        assert!(xml.contains("pod:x/y"), "{xml}");
        assert!(!xml.contains('\u{1}'), "{xml}");
    }
}
