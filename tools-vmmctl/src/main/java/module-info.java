/** The vmmctl tool. */
module dev.vmm.tools.vmmctl {
  requires dev.vmm.ppt;
  requires dev.vmm.tools.dmardump;
  requires info.picocli;
  requires org.slf4j;
  requires ch.qos.logback.classic;
  requires static org.jspecify;

  opens dev.vmm.tools.vmmctl to
      info.picocli;
}
