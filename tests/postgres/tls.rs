//! TLS to the database, by URL.

use rcgen::{CertificateParams, Issuer, KeyPair};
use sts_agent_name::registry::{ConnectError, PostgresStore, StoreError};

use crate::agent::{Agent, is_granted};
use crate::cluster::Cluster;
use crate::schema::Schema;

#[tokio::test]
async fn encryption_and_trust_are_what_the_url_says() {
    let (authority, stranger) = (authority("authority"), authority("stranger"));
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.issuer()).unwrap();
    let files = [("server.crt", &*certificate.pem()), ("server.key", &*key.serialize_pem())];
    let cluster = Cluster::start(
        &[
            "ssl=on",
            "ssl_cert_file=../server.crt",
            "ssl_key_file=../server.key",
            "listen_addresses=localhost",
        ],
        &files,
    );
    let folder = tempfile::TempDir::new().unwrap();
    let [good, bad] = [("good.pem", &authority), ("bad.pem", &stranger)].map(|(name, authority)| {
        let path = folder.path().join(name);
        std::fs::write(&path, &authority.pem).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let verify = |roots: &str| format!("sslmode=verify-full&sslrootcert={}", roots.replace('/', "%2F"));
    for (host, parameters, encrypted) in [
        ("localhost", verify(&good), true),
        ("localhost", "sslmode=require".to_owned(), true),
        ("127.0.0.1", "sslmode=require".to_owned(), true),
        ("localhost", "sslmode=prefer".to_owned(), true),
        ("localhost", "application_name=x".to_owned(), true),
        ("localhost", "sslmode=disable".to_owned(), false),
    ] {
        let schema = Schema::on(&cluster.url()).await;
        let options = schema.url().split_once("options=").unwrap().1.to_owned();
        let url = format!("{}?options={options}&{parameters}", cluster.url_of(host));
        let store = PostgresStore::connect(&url).await.unwrap();
        // The session's own row tells how it came in.
        let sql = "CREATE TABLE seen (encrypted boolean);
            CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO seen SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();
                RETURN NULL;
            END $$;
            CREATE TRIGGER see AFTER INSERT ON registry_name EXECUTE FUNCTION see()";
        schema.execute(sql).await;
        assert!(is_granted(&Agent::new("acme", "agent-01", "ann").claim(&store).await.unwrap()));
        let seen: bool = schema.query_one("SELECT encrypted FROM seen").await.get(0);
        assert_eq!(seen, encrypted, "{host} {parameters}");
    }
    for (host, parameters, why) in
        [("localhost", verify(&bad), "another authority"), ("127.0.0.1", verify(&good), "another host")]
    {
        let error =
            PostgresStore::connect(&format!("{}?{parameters}", cluster.url_of(host))).await.unwrap_err();
        let ConnectError::Store(error) = error else { panic!("{why}: {error:?}") };
        assert_eq!(error, StoreError::Failed { code: "08001".into() }, "{why}");
        assert!(!error.is_transient(), "no later attempt mends {why}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_required() {
    let cluster = Cluster::start(&["ssl=off"], &[]);
    let connect =
        async |mode: &str| PostgresStore::connect(&format!("{}?sslmode={mode}", cluster.url())).await;
    assert!(connect("prefer").await.is_ok());
    let error = connect("require").await.unwrap_err();
    assert_eq!(error, ConnectError::Store(StoreError::Failed { code: "08001".into() }));
}

struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
}

impl Authority {
    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }
}

fn authority(name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { params, key, pem }
}
