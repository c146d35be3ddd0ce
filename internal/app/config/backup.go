package config

import (
	"net/url"
	"time"
)

// Backup says where copies of the installation go.
type Backup struct {
	Data                Target `yaml:"data" doc:"Where databases, the inventory of objects and the log of what is written go, encrypted. Empty: no backups are made."`
	Keys                Target `yaml:"keys" doc:"Where copies of the key stores go: another place than data, with other credentials. Empty: the operator keeps the key stores' folders by other means, or relies on the mirror."`
	Key                 string `yaml:"key" doc:"File of the key that backups are encrypted with. 'ringfence backup key' makes it and has its recovery copy read back."`
	Log                 string `yaml:"log" doc:"Folder on another disk than data: every change is written there before it is acknowledged, so that nothing acknowledged is lost with one disk. Empty: the folder 'log' in the data folder, from which it is sent each minute."`
	At                  string `yaml:"at" doc:"When a backup is made each day, local time of the server, HH:MM. What is written in between is sent each minute."`
	Objects             bool   `yaml:"objects" doc:"true copies recordings into the backup too. Say so when objects lie in one place only; with a second place (objects.second) they have their copy there."`
	Daily               int    `yaml:"daily" doc:"Backups that stay: the newest of each of so many days,"`
	Weekly              int    `yaml:"weekly" doc:"of so many weeks,"`
	Monthly             int    `yaml:"monthly" doc:"and of so many months."`
	KeyCopies           int    `yaml:"key_copies" doc:"Copies of keys that stay. Few: a key that was destroyed is still in the copies made before."`
	Rate                int    `yaml:"megabytes_per_second" doc:"Most that is sent in a second, to leave room on the line. Empty: as fast as it goes."`
	Drills              bool   `yaml:"drills" doc:"Every night a part of the newest backup, and each Sunday all of it, is restored into the scratch folder, checked and thrown away."`
	Scratch             string `yaml:"scratch" doc:"Folder for drills, with room for the largest database. Empty: the folder 'scratch' in the data folder."`
	ScratchPostgresFile string `yaml:"scratch_postgres_file" doc:"With PostgreSQL: file with the URL of an empty database for drills, owned by a user with CREATEROLE. Empty: drills make a database beside the live one, which needs CREATEDB."`
	PostgresTools       string `yaml:"postgres_tools" doc:"With PostgreSQL: folder of pg_dump and pg_restore, of the server's version or newer. Empty: they are looked for."`
}

// Target is one place for backups: exactly one of its kinds.
type Target struct {
	Folder         string `yaml:"folder" doc:"A folder, best on another machine's disk."`
	SFTP           string `yaml:"sftp" doc:"A folder reached by SFTP: sftp://user@host:22/path. The secret is a private key."`
	SFTPHostKey    string `yaml:"sftp_host_key" doc:"The host's public key, as ssh-keyscan prints it without the name: ssh-ed25519 AAAA…. No other host is spoken to."`
	AzureContainer string `yaml:"azure_container" doc:"URL of an Azure Blob container."`
	S3Bucket       string `yaml:"s3_bucket" doc:"Name of an S3 bucket."`
	S3Endpoint     string `yaml:"s3_endpoint" doc:"Endpoint, if it is not Amazon's."`
	S3Region       string `yaml:"s3_region" doc:"Region."`
	SecretFile     string `yaml:"secret_file" doc:"File with the credentials: a private key, an account key, or two lines, access key and secret key."`
}

// On reports whether backups are made.
func (b Backup) On() bool { return b.Data != (Target{}) }

// Logged reports whether changes are logged: for backups, or for a second disk
// alone.
func (b Backup) Logged() bool { return b.On() || b.Log != "" }

func (b Backup) validate(p *problems, c Config) {
	if !b.Logged() {
		if b.Keys != (Target{}) {
			p.add("backup.data", "is missing: where do the databases go?")
		}
		return
	}
	p.need("backup.key", b.Key)
	if inside(b.Key, c.Data) {
		p.add("backup.key", "lies inside the data folder: it would be lost with what it is to bring back")
	}
	if b.Log != "" {
		p.folder("backup.log", b.Log)
		if inside(b.Log, c.Data) {
			p.add("backup.log", "lies inside the data folder: it would be lost with it; leave it out, or name a folder on another disk")
		}
	}
	b.Data.validate(p, "backup.data", c)
	b.Keys.validate(p, "backup.keys", c)
	if b.Keys != (Target{}) && b.Keys == b.Data {
		p.add("backup.keys", "is the same place as backup.data: whoever gets in there has both; name another")
	}
	if b.Scratch != "" {
		p.folder("backup.scratch", b.Scratch)
	}
	if _, err := time.Parse("15:04", b.At); err != nil {
		p.add("backup.at", "want a time such as 01:15")
	}
	for path, n := range map[string]int{"backup.daily": b.Daily, "backup.weekly": b.Weekly, "backup.monthly": b.Monthly, "backup.megabytes_per_second": b.Rate} {
		if n < 0 {
			p.add(path, "want a number that is not negative")
		}
	}
	if b.KeyCopies < 1 {
		p.add("backup.key_copies", "want at least 1")
	}
}

func (t Target) validate(p *problems, path string, c Config) {
	if t == (Target{}) {
		return
	}
	if t.SFTP == "" {
		if t.SFTPHostKey != "" {
			p.add(path+".sftp", "is missing beside sftp_host_key")
			return
		}
		t.Bucket().validate(p, path, true)
		if t.Folder != "" && inside(t.Folder, c.Data) {
			p.add(path+".folder", "lies inside the data folder: it would be lost with it")
		}
		return
	}
	if t.Bucket() != (Bucket{SecretFile: t.SecretFile}) {
		p.add(path, "set one of folder, sftp, azure_container and s3_bucket, not several")
	}
	if u, err := url.Parse(t.SFTP); err != nil || u.Scheme != "sftp" || u.Host == "" || u.User.Username() == "" || len(u.Path) < 2 {
		p.add(path+".sftp", "want an address such as sftp://ringfence@backup.example.com/srv/ringfence")
	} else if _, has := u.User.Password(); has {
		p.add(path+".sftp", "must not hold a password: name a private key in secret_file")
	}
	p.need(path+".sftp_host_key", t.SFTPHostKey)
	p.need(path+".secret_file", t.SecretFile)
}

// Bucket is the target as package blob's kinds know it, SFTP left out.
func (t Target) Bucket() Bucket {
	return Bucket{Folder: t.Folder, AzureContainer: t.AzureContainer, S3Bucket: t.S3Bucket, S3Endpoint: t.S3Endpoint, S3Region: t.S3Region, SecretFile: t.SecretFile}
}
