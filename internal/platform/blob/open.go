package blob

import (
	"context"
	"net"
	"net/url"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// Config names one bucket: exactly one of the four.
type Config struct {
	Folder string
	Azure  *Azure
	S3     *S3
	SFTP   *SFTP

	// Made says that a folder was made a bucket before, by the set-up: then one
	// that is missing or empty is a disk that is not mounted, and is refused
	// instead of being begun anew.
	Made bool
}

// Azure is a container of an Azure storage account.
type Azure struct {
	Container string // URL: https://account.blob.core.windows.net/container
	Account   string // name of the account; empty: the first part of the host
	Key       secret.Text
}

// S3 is a bucket at Amazon or at anybody who speaks the same protocol.
type S3 struct {
	Endpoint  string // URL; empty: Amazon's of the region
	Region    string
	Bucket    string
	AccessKey string
	SecretKey secret.Text
}

// Open opens a bucket, and fails if it is not there or does not let us in.
func Open(ctx context.Context, cfg Config) (Bucket, error) {
	switch {
	case cfg.SFTP != nil && cfg.Folder == "" && cfg.Azure == nil && cfg.S3 == nil:
		return openSFTP(ctx, *cfg.SFTP)
	case cfg.SFTP != nil:
	case cfg.Folder != "" && cfg.Azure == nil && cfg.S3 == nil:
		return openFolder(cfg.Folder, !cfg.Made)
	case cfg.Azure != nil && cfg.Folder == "" && cfg.S3 == nil:
		return openAzure(ctx, *cfg.Azure)
	case cfg.S3 != nil && cfg.Folder == "" && cfg.Azure == nil:
		return openS3(ctx, *cfg.S3)
	}
	return nil, fault.Field("objects", "name a folder, an Azure container, an S3 bucket or an SFTP folder: one of them")
}

// endpoint checks the address of a cloud: what travels is sealed, but the
// credentials and the names of objects are not.
func endpoint(path, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.Field(path, "is not an https URL")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fault.Field(path, "must begin with https: beyond this machine, credentials would travel in the clear")
	}
	return u, nil
}

// firstLabel is the part of a host before its first dot.
func firstLabel(host string) string {
	label, _, _ := strings.Cut(host, ".")
	return label
}
