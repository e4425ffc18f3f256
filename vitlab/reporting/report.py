def write_report(run, collection, split): pass
