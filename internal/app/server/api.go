package server

import (
	"fmt"

	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/edge/webui"
	"ringfence/web"
)

// apiDeps hands the services to the API, with the facts that the page "who
// could reach what" states.
func (s *Server) apiDeps(x Extras) httpapi.Deps {
	host := httpapi.HostFacts{
		Operator: "the provider, who runs this server", Database: s.database(),
		Objects: s.objects(), KeyPlaces: s.Keys.Copies(), Mail: "kept on this machine",
	}
	if s.cfg.Backup.On() {
		host.Backups = httpapi.BackupsTo{Data: storage.DescribeTarget(s.cfg.Backup.Data), Keys: storage.DescribeTarget(s.cfg.Backup.Keys), Log: storage.LogFolder(s.cfg)}
	}
	if s.cfg.Mail.SMTP != "" {
		host.Mail = "handed to " + s.cfg.Mail.SMTP
	}
	return s.watched(httpapi.Deps{
		Log: s.log, TrustedProxies: s.trustedProxies(), Secure: s.secure(), Host: host, AdministrationApart: s.cfg.Administration.Listen != "",
		Demo: x.Mailbox != nil, Mailbox: x.Mailbox,
		Store: s.Places, Tree: s.Tree, People: s.People, Scim: s.scim, Reviews: s.reviews, Coverage: s.coverage, Certificates: s.certificates, Departures: s.departures, Approvals: s.approvals, Privacy: s.privacy, Monitor: s.monitor, Persons: s.persons, Breaches: s.breaches, Blueprints: s.blueprints, Mail: s.sender, URL: s.URL, SSO: s.sso, Recordings: s.Recordings, Compact: s.compact, Redaction: s.redaction, Pseudonyms: s.pseudonyms, Speech: s.Speech, Webhooks: s.webhooks, Live: s.hub, Collect: s.collectors, Backups: s.backups.Load, Imports: s.Imports, Parcels: s.parcels, Witness: s.witness, Custody: s.custody, Systems: s.systems, Siprec: s.siprec, SiprecAt: s.siprecAt, Drops: s.drops, Pickups: s.pickups, SFTP: s.sftp, SFTPAddress: s.sftpAt, Taking: s.taking,
		Portal: webui.New(web.Files()), SourceChanged: s.captures.Reload,
		FolderAllowed: s.mayWatch, Installation: s.installation,
	})
}

func (s *Server) database() string {
	if s.cfg.Database.PostgresFile != "" {
		return "PostgreSQL, a schema and a role for each customer"
	}
	return "SQLite, a file for each customer, on this machine"
}

// objects is where recordings lie, in one place or two.
func (s *Server) objects() string {
	text := describe(s.cfg.Objects.First)
	if s.cfg.Objects.Second != (config.Bucket{}) {
		text += " and " + describe(s.cfg.Objects.Second)
	}
	return text
}

func describe(b config.Bucket) string {
	switch {
	case b.AzureContainer != "":
		return "Azure Blob Storage (" + b.AzureContainer + ")"
	case b.S3Bucket != "":
		return fmt.Sprintf("S3 (bucket %s, region %s)", b.S3Bucket, b.S3Region)
	}
	return "a folder on this machine"
}
