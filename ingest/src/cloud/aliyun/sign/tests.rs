//! Every published vector of the two signatures, and some that were computed for lists and tokens.

use super::*;

fn parameters(pairs: &[(&str, &str)]) -> Parameters {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The signature of `pairs` by the key `secret`.
fn check(method: &str, secret: &str, pairs: &[(&str, &str)], expected: &str) {
    assert_eq!(rpc_signature(method, &parameters(pairs), secret), expected);
}

#[test]
fn describe_regions_of_the_documentation() {
    let pairs = [
        ("Timestamp", "2016-02-23T12:46:24Z"),
        ("Format", "XML"),
        ("AccessKeyId", "testid"),
        ("Action", "DescribeRegions"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
        ("Version", "2014-05-26"),
    ];
    assert_eq!(
        string_to_sign("GET", &parameters(&pairs)),
        "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML%26SignatureMethod%3DHMAC-SHA1\
         %26SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureVersion%3D1.0\
         %26Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2014-05-26"
    );
    check("GET", "testsecret", &pairs, "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
}

#[test]
fn values_that_are_not_ascii() {
    let pairs = [
        ("Timestamp", "2017-07-12T02:42:19Z"),
        ("SignatureNonce", "45e25e9b-0a6f-4070-8c85-2956eda1b466"),
        ("Format", "XML"),
        ("Action", "SendSms"),
        ("Version", "2017-05-25"),
        ("RegionId", "cn-hangzhou"),
        ("PhoneNumbers", "15300000001"),
        ("SignName", "阿里云短信测试专用"),
        ("TemplateParam", r#"{"customer":"test"}"#),
        ("TemplateCode", "SMS_71390007"),
        ("OutId", "123"),
        ("AccessKeyId", "testId"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
    ];
    check("GET", "testSecret", &pairs, "zJDF+Lrzhj/ThnlvIToysFRq6t4=");
}

#[test]
fn empty_values_are_signed_and_tokens_too() {
    let mut pairs = vec![
        ("Version", ""),
        ("Action", ""),
        ("Format", "JSON"),
        ("Timestamp", "mock date"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureType", ""),
        ("SignatureNonce", "MOCK_UUID"),
        ("AccessKeyId", "accessKeyId"),
        ("RegionId", "regionId"),
    ];
    check(
        "GET",
        "accessKeySecret",
        &pairs,
        "7loPmFjvDnzOVnQeQNj85S6nFGY=",
    );
    pairs.push(("SecurityToken", "accessKeyStsToken"));
    check(
        "GET",
        "accessKeySecret",
        &pairs,
        "5Nxdcler+ihqWqv0Hr2On4PsBf4=",
    );
    check(
        "",
        "accessKeySecret",
        &[("test", "ok")],
        "jHx/oHoHNrbVfhncHEvPdHXZwHU=",
    );
    assert_eq!(
        string_to_sign(
            "GET",
            &parameters(&[("q", "http://domain/?q=value&q2=value2"), ("key", "value")])
        ),
        "GET&%2F&key%3Dvalue%26q%3Dhttp%253A%252F%252Fdomain%252F%253Fq%253Dvalue%2526q2%253Dvalue2"
    );
}

#[test]
fn lists_and_json_in_texts() {
    let pairs = [
        ("AccessKeyId", "STS.testid"),
        ("Action", "DescribeNetworkInterfaces"),
        ("Format", "JSON"),
        ("MaxResults", "100"),
        ("PrivateIpAddress.1", "10.0.1.10"),
        ("PrivateIpAddress.2", "10.0.2.20"),
        ("RegionId", "cn-hangzhou"),
        ("SecurityToken", "CAIS+/=token *~"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", "0f2f8b0e-6f1e-4b1e-9d0e-000000000001"),
        ("SignatureVersion", "1.0"),
        ("Timestamp", "2026-01-02T03:04:05Z"),
        ("Version", "2014-05-26"),
        ("VpcId", "vpc-1"),
    ];
    check("GET", "testsecret", &pairs, "7nUDVQXuqkcOJ02ktP3Imi1VGJ8=");
    check("POST", "testsecret", &pairs, "nCDqt73ZUEUmelu89Ir7a+8y/38=");
    let pairs = [
        ("AccessKeyId", "testid"),
        ("Action", "DescribeInstances"),
        ("Format", "JSON"),
        ("InstanceIds", r#"["i-1","i-2"]"#),
        ("RegionId", "cn-hangzhou"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", "n1"),
        ("SignatureVersion", "1.0"),
        ("Timestamp", "2026-01-02T03:04:05Z"),
        ("Version", "2014-05-26"),
        ("Tag.1.Key", "a b"),
        ("Tag.1.Value", "中文"),
    ];
    check("GET", "testsecret", &pairs, "UczHyPVLkpDJol8VBFpfI8Hwk8I=");
}

#[test]
fn run_instances_of_the_acs3_documentation() {
    let request = Request {
        host: "ecs.cn-shanghai.aliyuncs.com",
        path: "/",
        version: "2014-05-26",
        action: "RunInstances",
        now: "2023-10-26T10:22:32Z".parse().unwrap(),
        nonce: "3156853299f313e23d1673dc12e1703d",
    };
    let signed = acs3(
        request,
        &parameters(&[
            (
                "ImageId",
                "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
            ),
            ("RegionId", "cn-shanghai"),
        ]),
        false,
        &Credentials::fixed("YourAccessKeyId", "YourAccessKeySecret", None),
    );
    let (_, authorization) = signed.headers.last().unwrap();
    assert_eq!(
        authorization,
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,\
         SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,\
         Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    );
}

#[test]
fn acs3_of_the_clusters_list_with_a_token() {
    let hash = sha256(b"");
    let mut headers = [
        ("x-acs-version", "2015-12-15".to_owned()),
        ("host", "cs.cn-hangzhou.aliyuncs.com".to_owned()),
        ("x-acs-action", "DescribeClustersV1".to_owned()),
        ("x-acs-date", "2026-01-02T03:04:05Z".to_owned()),
        ("x-acs-signature-nonce", "n1".to_owned()),
        ("x-acs-security-token", "CAIS+/=token".to_owned()),
        ("x-acs-content-sha256", hash),
    ];
    let authorization = acs3_authorization(
        "GET",
        "/api/v1/clusters",
        "page_number=1&page_size=50",
        &mut headers,
        "",
        &Credentials::fixed("testid", "testsecret", None),
    );
    assert!(
        authorization.ends_with("12f200bb8f11558cad39340ad5143c0d28422bddb4cf0e01f5adcb5b164780dc"),
        "{authorization}"
    );
}
