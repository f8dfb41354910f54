//! Which way is taken with what is set up.

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// What `find` says in a home with `file` in it.
fn at_home(file: &str, text: &str, more: &[(&str, &str)]) -> Result<Way, CredentialError> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    let home = home.path().to_str().unwrap();
    let pairs: Vec<(&str, &str)> = [("HOME", home)]
        .into_iter()
        .chain(more.iter().copied())
        .collect();
    find(&environment(&pairs))
}

const CONFIG: &str = r#"{"current": "default", "profiles": [
    {"name": "default", "mode": "AK", "access_key_id": "one", "access_key_secret": "s"},
    {"name": "sts", "mode": "StsToken", "access_key_id": "two", "access_key_secret": "s", "sts_token": "t"},
    {"name": "role", "mode": "RamRoleArn", "access_key_id": "three", "access_key_secret": "s", "ram_role_arn": "acs:r",
     "expired_seconds": 900},
    {"name": "chain", "mode": "ChainableRamRoleArn", "source_profile": "default", "ram_role_arn": "acs:c"},
    {"name": "sso", "mode": "CloudSSO"}]}"#;

#[test]
fn the_environment_comes_first_then_rrsa() {
    let key = [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "a"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "b"),
    ];
    let rrsa = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:role"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:provider"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token"),
    ];
    let both: Vec<_> = key.into_iter().chain(rrsa).collect();
    assert_eq!(
        find(&environment(&both)),
        Ok(Way::Key(Credentials::fixed("a", "b", None)))
    );
    let Ok(Way::Identity { token_file, .. }) = find(&environment(&rrsa)) else {
        panic!("RRSA")
    };
    assert_eq!(token_file, Path::new("/token"));
    let server = find(&environment(&[("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")]));
    assert_eq!(
        server,
        Ok(Way::Server {
            role: None,
            bare: false
        })
    );
    let off = find(&environment(&[(
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED",
        "true",
    )]));
    assert_eq!(off, Err(CredentialError::Nothing(LOOKED_FOR)));
}

#[test]
fn profiles_of_the_aliyun_command() {
    let way = |profile| {
        at_home(
            ".aliyun/config.json",
            CONFIG,
            &[("ALIBABA_CLOUD_PROFILE", profile)],
        )
    };
    let id = |way: &Way| match way {
        Way::Key(key) => key.id.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        id(&at_home(".aliyun/config.json", CONFIG, &[]).unwrap()),
        "one"
    );
    assert_eq!(id(&way("sts").unwrap()), "two");
    let Ok(Way::Assume { with, parameters }) = way("role") else {
        panic!("a role")
    };
    assert_eq!(id(&with), "three");
    assert!(parameters.contains(&("DurationSeconds".to_owned(), "900".to_owned())));
    let Ok(Way::Assume { with, .. }) = way("chain") else {
        panic!("a role")
    };
    assert_eq!(id(&with), "one");
    assert!(
        way("sso")
            .unwrap_err()
            .to_string()
            .contains("`CloudSSO` is not supported")
    );
    assert!(
        way("none")
            .unwrap_err()
            .to_string()
            .contains("no such profile")
    );
}

#[test]
fn sections_of_the_ini_file() {
    let text = "[default]\ntype = access_key\naccess_key_id = i\naccess_key_secret = s\n[ecs]\ntype=ecs_ram_role\nrole_name=r\n";
    let file = ".alibabacloud/credentials";
    assert_eq!(
        at_home(file, text, &[]),
        Ok(Way::Key(Credentials::fixed("i", "s", None)))
    );
    let role = at_home(file, text, &[("ALIBABA_CLOUD_PROFILE", "ecs")]);
    assert_eq!(
        role,
        Ok(Way::Server {
            role: Some("r".to_owned()),
            bare: true
        })
    );
    // Who names a profile is told of it; else the next place is looked at.
    let half = "[default]\ntype = access_key\n";
    let missing = at_home(file, half, &[("ALIBABA_CLOUD_PROFILE", "default")]).unwrap_err();
    assert!(missing.to_string().contains("`access_key_id` is missing"));
    assert!(matches!(at_home(file, half, &[]), Ok(Way::Server { .. })));
}
