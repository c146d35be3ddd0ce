package intake

import "time"

// mendAfter is how long after a failure of the disk a drop is tried again.
const mendAfter = time.Minute

// fail refuses everything from here on: after a failed fsync the kernel may have
// thrown away what it could not write, and the next fsync of the same file says
// that all is well. Called with mu held.
func (d *Drop) fail(err error) {
	now := d.opt.Now()
	if d.broken == nil {
		d.since = now
		d.opt.Log.Error("the disk failed under a drop; nothing is taken for this source until its list was written anew", "customer", d.customer, "source", d.source, "again_in", mendAfter, "error", err)
	}
	d.broken, d.mending = err, now.Add(mendAfter)
}

// mend writes the list of what waits into a new file, once the time for that has
// come, and takes files again if that became durable. The bytes that the list
// names were synced each on its own. Called with mu held.
func (d *Drop) mend() {
	if d.broken == nil || d.shut || d.opt.Now().Before(d.mending) {
		return
	}
	if err := d.compact(); err != nil {
		d.fail(diskFault(err))
		return
	}
	d.opt.Log.Info("a drop takes files again", "customer", d.customer, "source", d.source)
	d.broken = nil
}

// failing says since when the drop takes nothing because the disk failed.
func (d *Drop) failing() (since time.Time, bad bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mend()
	return d.since, d.broken != nil
}

// names says that a file of the list has this part.
func (d *Drop) names(part string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.uses[part] > 0
}
