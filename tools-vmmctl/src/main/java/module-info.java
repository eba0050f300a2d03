/** The vmmctl tool. */
module dev.vmm.tools.vmmctl {
  requires com.fasterxml.jackson.core;
  requires dev.vmm.ppt;
  requires dev.vmm.tools.dmardump;
  requires info.picocli;
  requires java.management;
  requires org.jline.reader;
  requires org.slf4j;
  requires ch.qos.logback.classic;
  requires ch.qos.logback.core;
  requires static org.jspecify;

  exports dev.vmm.tools.vmmctl;

  opens dev.vmm.tools.vmmctl to
      info.picocli;
  opens dev.vmm.tools.vmmctl.shell to
      info.picocli;
}
