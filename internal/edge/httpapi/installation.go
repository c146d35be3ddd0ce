package httpapi

import (
	"context"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
)

// Installation is what is known of the server itself. It names folders and hosts
// of the operator's, so only the provider is told.
type Installation struct {
	Release     string               `json:"release" example:"0.4.0"`
	Commit      string               `json:"commit" doc:"What it was built from; empty: not known"`
	Address     string               `json:"address" doc:"How the outside reaches it"`
	Listen      string               `json:"listen"`
	StartedAt   time.Time            `json:"started_at"`
	InstalledAt *time.Time           `json:"installed_at" doc:"When ringfence init had finished; null: not by it, or by a release that kept no record"`
	Database    string               `json:"database"`
	Objects     string               `json:"objects"`
	KeyCopies   int                  `json:"key_copies" doc:"In how many places keys lie; sources are moved or deleted only with two"`
	TLS         InstallationTLS      `json:"tls"`
	Mail        InstallationMail     `json:"mail"`
	Folders     []InstallationFolder `json:"folders"`
}

// InstallationTLS is the certificate.
type InstallationTLS struct {
	From     string     `json:"from" enum:"files,authority,proxy,none"`
	Until    *time.Time `json:"until" doc:"When the certificate ends; null: this server has none, or not yet"`
	DaysLeft *int       `json:"days_left"`
	ProvenAt *time.Time `json:"proven_at" doc:"When name and chain were tried at installation; null: they were not"`
	Skipped  string     `json:"skipped" doc:"The operator's reason for not trying"`
}

// InstallationMail is the way out for mail.
type InstallationMail struct {
	Server   string     `json:"server" doc:"Empty: mail cannot leave"`
	ProvenAt *time.Time `json:"proven_at" doc:"When it took a test message at installation; null: it was not tried"`
	Skipped  string     `json:"skipped"`
}

// InstallationFolder is a folder that the server writes to.
type InstallationFolder struct {
	Use       string `json:"use" enum:"data,objects,second objects,keys,second keys"`
	Path      string `json:"path"`
	FreeBytes *int64 `json:"free_bytes" doc:"null: it cannot be looked at, as when its disk is not mounted"`
}

var errProvidersOnly = fault.New(fault.Denied, "only the provider sees the installation")

func (s *Server) installationRoutes() {
	add(s, route{gate: onNode(access.HealthRead), method: get, path: "/api/v1/nodes/{node}/installation", id: "getInstallation", summary: "What is known of this server: release, certificate, mail, folders"}, s.getInstallation)
}

func (s *Server) getInstallation(_ context.Context, v *visit, _ *NodePath) (*body[Installation], error) {
	if v.node.Kind != org.Provider {
		return nil, errProvidersOnly
	}
	if s.deps.Installation == nil {
		return nil, fault.New(fault.Unavailable, "this server does not know how it was installed")
	}
	i := s.deps.Installation()
	if u := i.TLS.Until; u != nil {
		days := int(u.Sub(v.at).Hours() / 24)
		i.TLS.DaysLeft = &days
	}
	return answer(i), nil
}
