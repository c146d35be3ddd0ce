package config

// SFTP is the server that takes files from telephone systems.
type SFTP struct {
	Listen    string `yaml:"listen" doc:"Address and port, for example 0.0.0.0:2022. SSH encrypts by itself; nothing but pushed files can be reached. Empty: none."`
	Address   string `yaml:"address" doc:"How the outside reaches it, host:port, as shown in the portal. Empty: as in listen."`
	Sessions  int    `yaml:"sessions" doc:"Connections at once."`
	WaitingGB int    `yaml:"waiting_gb" doc:"How much may wait for one source, in GiB, encrypted in the data folder, until it is archived."`
}

func (c SFTP) validate(p *problems) {
	for path, address := range map[string]string{"sftp.listen": c.Listen, "sftp.address": c.Address} {
		if address == "" {
			continue
		}
		if !ported(address) {
			p.add(path, "want address:port, for example 0.0.0.0:2022")
		}
	}
	if c.Sessions < 1 || c.Sessions > 10_000 {
		p.add("sftp.sessions", "want a number from 1 to 10000")
	}
	if c.WaitingGB < 1 || c.WaitingGB > 10_000 {
		p.add("sftp.waiting_gb", "want a number from 1 to 10000")
	}
}
